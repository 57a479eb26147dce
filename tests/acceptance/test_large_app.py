"""An app of 200 modules with 1 000 functions: it loads, generates and type-checks in time."""

from __future__ import annotations

import pytest

from bench.large_app import FUNCTIONS, MODULES, measure, measure_stubs


@pytest.mark.node
@pytest.mark.usefixtures("node")
def test_large_app_is_loaded_generated_and_checked_in_time() -> None:
    assert MODULES * FUNCTIONS == 1_000

    seconds = measure(MODULES, FUNCTIONS)

    assert seconds["load"] < 2
    assert seconds["generate"] < 2
    assert seconds["type-check"] < 10


def test_stub_does_not_make_type_checkers_slow() -> None:
    seconds = measure_stubs(50, FUNCTIONS)

    for checker in ("mypy", "pyright"):
        assert seconds[f"{checker}, stub"] < 3 * seconds[checker]
