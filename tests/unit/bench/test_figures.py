"""What a report of the benchmarks is made of: loads over sockets, pinned and not pinned."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import pytest

from tests.harness.server_process import ROOT


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> dict[str, ModuleType]:
    """The modules of the benchmarks, which import each other by their own names."""
    names = ("plan", "results", "tables", "figures")
    monkeypatch.syspath_prepend(str(ROOT / "bench"))
    for name in names:
        monkeypatch.delitem(sys.modules, name, raising=False)
    modules = {name: __import__(name) for name in names}
    for name in names:
        monkeypatch.setitem(sys.modules, name, modules[name])
    return modules


def test_each_load_of_a_full_run_goes_over_sockets(bench: dict[str, ModuleType]) -> None:
    source = (ROOT / "bench" / "load.py").read_text()

    loads = {case.load[0] for case in bench["plan"].cases(bench["plan"].FULL) if case.load}

    assert loads == {"mutations", "fanout", "idle"}
    assert "from sync_client import" in source
    assert all(f'"{load}"' in source for load in loads)


def test_pinned_and_unpinned_values_stand_side_by_side(bench: dict[str, ModuleType]) -> None:
    plan, results = bench["plan"], bench["results"]
    cases = [case for case in plan.cases(plan.FULL) if case.load and case.group != "idle"]
    measured = results.Results()
    for case in cases:
        for target in (results.OURS, results.LINE):
            for is_pinned, value in ((True, 111.0), (False, 222.0)):
                report: dict[str, Any] = {
                    "failures": [],
                    "operations_per_second": value,
                    "server_cpu_us_per_operation": value,
                    "server_cpu_us_per_push": value,
                }
                measured.add(results.Key(case, target, is_pinned), report)

    tables = bench["figures"].make_tables(measured, cases)

    assert {case.pinnings for case in cases} == {(True, False)}
    cells = [cell for table in tables for row in table.rows for cell in row if "111" in cell]
    assert len(cells) >= len(cases)
    assert all("222" in cell and cell.index("111") < cell.index("222") for cell in cells)
