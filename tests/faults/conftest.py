"""Every fault is a row of the table in docs/reliability.md, which gets the outcomes."""

from collections import defaultdict

import fault_table
import pytest
from fault_table import Fault

OUTCOMES = pytest.StashKey[dict[Fault, list[tuple[str, str]]]]()
COMMIT = pytest.StashKey[str]()


def pytest_configure(config):
    config.stash[OUTCOMES] = defaultdict(list)
    if config.getoption("write_faults"):
        config.stash[COMMIT] = fault_table.commit()  # now: files may change before the end


def pytest_collection_modifyitems(items):
    for item in items:
        if item.path.parent.name == "faults" and not item.get_closest_marker("fault"):
            raise pytest.UsageError(f"{item.nodeid} has no marker fault(injected, holds)")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if report.when == "call" or not report.passed:
        marker = item.get_closest_marker("fault")
        reason = report.longrepr[2].removeprefix("Skipped: ") if report.skipped else ""
        fault = Fault(*marker.args, **marker.kwargs)
        item.config.stash[OUTCOMES][fault].append((report.outcome, reason))
    return report


def pytest_sessionfinish(session):
    config = session.config
    if config.getoption("write_faults"):
        fault_table.write_table(
            config.stash[OUTCOMES], config.stash[COMMIT], config.getoption("full")
        )
