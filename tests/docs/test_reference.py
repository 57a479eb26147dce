"""The reference is what the source says, has every public name, and tells of what exists."""

from __future__ import annotations

import re
from typing import Any

import realtime
import realtime.testing
from realtime.runtime.context import ActionCtx, MutationCtx
from tests.docs.apps import GUIDE
from tests.docs.blocks import CODE, DOCS, table_rows
from tools.reference import render

REFERENCE = DOCS / "reference.md"


def test_reference_is_what_signatures_and_docstrings_say() -> None:
    written = REFERENCE.read_text()

    assert render(written) == written, "Run `make reference`"


def test_parts_do_not_depend_on_what_stands_in_them() -> None:
    written = REFERENCE.read_text()
    emptied = re.sub(
        r"^(<!-- from [^>]* -->)\n.*?^(<!-- end -->)$", r"\1\n\2", written, flags=re.M | re.S
    )

    assert len(emptied) < len(written) / 2
    assert render(emptied) == written


def test_reference_has_every_public_name_and_no_other() -> None:
    headings = re.findall(r"^### (.*)$", REFERENCE.read_text(), re.MULTILINE)
    names = {name for heading in headings for name in CODE.findall(heading)}

    of_testing = {f"realtime.testing.{name}" for name in realtime.testing.__all__}
    assert names == {*realtime.__all__, *of_testing}


def test_members_in_the_guide_exist() -> None:
    spelled = set(re.findall(r"`ctx\.([a-z_.]+)", GUIDE.read_text()))
    queries = set(re.findall(r"\.([a-z_]+)\(…?\w*\)", " ".join(table_rows(GUIDE, pattern=r"^`\."))))
    scope: Any = _Scope()
    of_actions = {"run_action", "run_blocking"}

    assert {"db.get", "run_query"} | of_actions < spelled
    for path in spelled - {"random"}:
        member: Any = ActionCtx(scope) if path in of_actions else MutationCtx(scope)
        for name in path.split("."):
            member = getattr(member, name)
    for name in queries:
        assert hasattr(realtime.TableQuery, name)


class _Scope:
    log_lines = None
