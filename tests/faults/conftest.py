"""Every fault is a row of the table in docs/reliability.md, which gets the outcomes."""

from collections import defaultdict

import pytest
from support import fault_table
from support.fault_table import Fault, Outcome


class FaultTable:
    """Gathers the outcomes of tests, of whichever worker, and writes them into the table."""

    def __init__(self) -> None:
        self.commit = fault_table.commit()  # now: files may change before the end
        self.outcomes: defaultdict[Fault, list[Outcome]] = defaultdict(list)

    def pytest_runtest_logreport(self, report):
        if hasattr(report, "fault") and (report.when == "call" or not report.passed):
            reason = report.longrepr[2].removeprefix("Skipped: ") if report.skipped else ""
            self.outcomes[Fault(*report.fault)].append(
                Outcome(report.outcome, reason, report.in_full)
            )

    def pytest_sessionfinish(self):
        fault_table.write_table(self.outcomes, self.commit)


def pytest_configure(config):
    is_worker = hasattr(config, "workerinput")
    if config.getoption("write_faults") and not is_worker:
        config.pluginmanager.register(FaultTable())


def pytest_collection_modifyitems(items):
    for item in items:
        if item.path.parent.name == "faults" and not item.get_closest_marker("fault"):
            raise pytest.UsageError(f"{item.nodeid} has no marker fault(injected, holds)")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item):
    report = yield
    marker = item.get_closest_marker("fault")
    report.fault = [*marker.args, *marker.kwargs.values()]
    # the others have one form only
    report.in_full = "full" in item.fixturenames and item.config.getoption("full")
    return report
