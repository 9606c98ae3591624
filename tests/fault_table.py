"""The table of faults in docs/reliability.md: a row for each marker `fault` in tests/faults."""

import ast
import os
import re
import subprocess
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import NamedTuple

REPOSITORY = Path(__file__).parents[1]
PAGE = REPOSITORY / "docs/reliability.md"
START, END = "<!-- faults: written by make faults -->\n", "<!-- end of faults -->\n"

# of the tests of one row, the first of these that any of them has counts
OUTCOMES = ("failed", "skipped", "passed", "not run")


class Fault(NamedTuple):
    """A row: what the marker says."""

    injected: str
    holds: str


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


def faults_of_page(text: str) -> list[Fault]:
    """The rows of the page's table."""
    table = text.split(START)[1].split(END)[0]
    cells = [re.findall(r"\| (.*?) (?=\|)", line) for line in table.splitlines()]
    return [Fault(*row[:2]) for row in cells if len(row) == 3][1:]


def commit() -> str:
    """The commit that is checked out, and whether files differ from it."""
    command = ["git", "describe", "--always", "--dirty= with changes"]
    answer = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True)
    return answer.stdout.strip()


def write_table(
    outcomes: Mapping[Fault, Sequence[tuple[str, str]]], commit: str, is_full: bool
) -> None:
    """Rewrite the table.

    Parameters
    ----------
    outcomes : mapping
        Of each fault's tests: one of OUTCOMES, and the reason of a skip.
    commit : str
        As it was when the tests began.
    is_full : bool
        Whether the tests took their full form.
    """
    lines = [
        f"{'Full' if is_full else 'Short'} form, {date.today():%-d %B %Y}, commit {commit}, "
        f"{os.cpu_count()} cores.",
        "",
        "| Fault | What must hold | Outcome |",
        "|---|---|---|",
    ]
    for fault in faults_of_tests():
        worst = min(outcomes.get(fault, [("not run", "")]), key=lambda o: OUTCOMES.index(o[0]))
        outcome = ": ".join(filter(None, worst)).replace("|", "/").replace("\n", " ")
        lines.append(f"| {fault.injected} | {fault.holds} | {outcome} |")
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(START)
    _, _, after = rest.partition(END)
    PAGE.write_text(before + START + "\n".join(lines) + "\n" + END + after, encoding="utf-8")
