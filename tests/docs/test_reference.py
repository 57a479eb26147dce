"""The reference has every public name, and what it tells of exists."""

from __future__ import annotations

import re
from typing import Any

import realtime
from realtime.runtime.context import ActionCtx, MutationCtx
from tests.docs.apps import GUIDE
from tests.docs.blocks import CODE, DOCS, table_rows

REFERENCE = DOCS / "reference.md"


def test_reference_has_every_public_name_and_no_other() -> None:
    headings = re.findall(r"^### (.*)$", REFERENCE.read_text(), re.MULTILINE)
    names = [name for heading in headings for name in CODE.findall(heading)]

    assert sorted(names) == sorted(realtime.__all__)


def test_members_in_the_reference_exist() -> None:
    spelled = set(re.findall(r"`ctx\.([a-z_.]+)", REFERENCE.read_text() + GUIDE.read_text()))
    queries = set(re.findall(r"\.([a-z_]+)\(…?\w*\)", " ".join(table_rows(GUIDE, pattern=r"^`\."))))
    scope: Any = _Scope()
    of_actions = {"run_action", "run_blocking"}

    assert {"db.get", "run_query", "log.warn"} | of_actions < spelled
    for path in spelled - {"random"}:
        member: Any = ActionCtx(scope) if path in of_actions else MutationCtx(scope)
        for name in path.split("."):
            member = getattr(member, name)
    for name in queries:
        assert hasattr(realtime.TableQuery, name)


class _Scope:
    log_lines = None


def test_validators_in_the_reference_exist() -> None:
    rows = table_rows(REFERENCE, pattern=r"^`v\.")
    names = {name for row in rows for name in re.findall(r"v\.(\w+)", row)}

    assert names == {name for name in dir(realtime.v) if not name.startswith("_")}
