"""Every fault is a row of a table: what was injected, what must hold, how the test ended."""

from pathlib import Path

import pytest

WORST_FIRST = ("failed", "skipped", "passed")
HEAD = "| Fault | What must hold | Outcome |\n|---|---|---|\n"


class FaultTable:
    """Gathers the outcomes of tests, from all workers, and writes the table at the end."""

    def __init__(self, path: str) -> None:
        self.path = Path(path)
        self.outcomes: dict[tuple[str, str], list[tuple[str, str]]] = {}

    def pytest_runtest_logreport(self, report):
        if hasattr(report, "fault") and (report.when == "call" or not report.passed):
            reason = f" ({report.longrepr[2]})" if report.skipped else ""
            self.outcomes.setdefault(tuple(report.fault), []).append((report.outcome, reason))

    def pytest_sessionfinish(self):
        text = HEAD
        for (injected, holds), outcomes in sorted(self.outcomes.items()):
            worst = "".join(min(outcomes, key=lambda outcome: WORST_FIRST.index(outcome[0])))
            text += f"| {injected} | {holds} | {worst} |\n"
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_text(text, encoding="utf-8")


def pytest_configure(config):
    is_worker = hasattr(config, "workerinput")
    if config.getoption("faults_table") and not is_worker:
        config.pluginmanager.register(FaultTable(config.getoption("faults_table")))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item):
    report = yield
    marker = item.get_closest_marker("fault")
    report.fault = [*marker.args, *marker.kwargs.values()]
    return report
