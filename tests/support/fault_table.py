"""The table of faults in docs/reliability.md: a row for each marker `fault` in tests/faults."""

import ast
import re
import subprocess
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import NamedTuple

REPOSITORY = Path(__file__).parents[2]
PAGE = REPOSITORY / "docs/reliability.md"
START, END = "<!-- faults: written by make faults -->\n", "<!-- end of faults -->\n"

WORST_FIRST = ("failed", "skipped", "passed")
IN_FULL = "passed in full"


class Fault(NamedTuple):
    """A row: what the marker says."""

    injected: str
    holds: str


class Outcome(NamedTuple):
    """How a test of a fault ended: one of WORST_FIRST, why it was skipped, in which form."""

    result: str
    reason: str
    in_full: bool

    def __str__(self) -> str:
        text = self.result + " in full" * self.in_full + f" ({self.reason})" * bool(self.reason)
        return text.replace("|", "/").replace("\n", " ")


def faults_of_tests(folder: Path = REPOSITORY / "tests/faults") -> list[Fault]:
    """The rows by the markers in the tests' source, in its order and without repetitions."""
    found = []
    for path in sorted(folder.glob("test_*.py")):
        calls = [
            node
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.mark.fault"
        ]
        for call in sorted(calls, key=lambda call: call.lineno):
            (injected,), (holds,) = call.args, call.keywords
            found.append(Fault(ast.literal_eval(injected), ast.literal_eval(holds.value)))
    return list(dict.fromkeys(found))


def outcomes_of_page(text: str) -> dict[Fault, str]:
    """The rows of the page's table, with the last cell of each."""
    table = text.split(START)[1].split(END)[0]
    cells = [re.findall(r"\| (.*?) (?=\|)", line) for line in table.splitlines()]
    return {Fault(*row[:2]): row[2] for row in cells[2:]}


def commit() -> str:
    """The commit that is checked out, and whether files differ from it."""
    command = ["git", "describe", "--always", "--dirty= with changes"]
    answer = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True)
    return answer.stdout.strip()


def write_table(outcomes: Mapping[Fault, Sequence[Outcome]], commit: str) -> None:
    """Rewrite the rows of these faults; that a full form has passed stands until one fails.

    Parameters
    ----------
    outcomes : mapping
        Of each fault's tests.
    commit : str
        As it was when the tests began.
    """
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(START)
    _, _, after = rest.partition(END)
    known = outcomes_of_page(START + rest)
    lines = ["| Fault | What must hold | Outcome |", "|---|---|---|"]
    for fault in faults_of_tests():
        cell = known.get(fault, "not run")
        if fault in outcomes:
            worst = min(outcomes[fault], key=lambda outcome: WORST_FIRST.index(outcome.result))
            shows_less = worst.result != "failed" and str(worst) != IN_FULL
            if not (shows_less and cell.startswith(IN_FULL)):
                cell = f"{worst}: commit {commit}, {date.today():%-d %B %Y}"
        lines.append(f"| {fault.injected} | {fault.holds} | {cell} |")
    PAGE.write_text(before + START + "\n".join(lines) + "\n" + END + after, encoding="utf-8")
