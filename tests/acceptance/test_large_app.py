"""An app of 200 modules with 1 000 functions: it loads, reloads, generates and checks in time."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench import reload
from bench.large_app import FUNCTIONS, MODULES, measure, measure_stubs, write_large_app

SAVES = 3


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


def test_save_in_a_large_app_is_pushed_in_time(tmp_path: Path) -> None:
    write_large_app(tmp_path / "app", MODULES, FUNCTIONS)

    times, _ = reload.measure(tmp_path / "app", tmp_path / "data", SAVES)

    assert min(times) < 2.5
