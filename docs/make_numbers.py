"""Write the numbers of a run into README.md and docs/, at the places that name them.

Usage: python docs/make_numbers.py [RESULTS] [--check | --made-at COMMIT]

A place is `<!-- = NAME -->text<!-- / -->`; this script writes the text between the comments. With
RESULTS, the folder of a run, docs/numbers.json is made first: every number that a page names, and
the range that a run on another machine should fall into. With --check nothing is written: the
numbers of RESULTS are compared with these ranges.

Run it on the machine of the run, in the run's own folder: the machine is named as it is found, and
the date is that of the newest file in RESULTS/tables. The commit is the one checked out. If that
has newer code or settings than RESULTS, nothing is written unless --made-at says which commit made
RESULTS.

NAME is one of

    run.machine, run.commit, run.date
    command.MODEL                  what the command prints first for a row of models/bundled.tsv
    MODEL.kSIZE.COLUMN             a cell of clustered.tsv, or of families.tsv if MODEL is `all`;
                                   n_live is n_kernels less n_dead
    MODEL.kSIZE.RULER_interval     from RULER_low_percent to RULER_high_percent there
    controls.kSIZE.KERNELS.METHOD  percentage in controls.tsv, all models together
    seeds.kSIZE.COLUMN             in stability.tsv, from the lowest to the highest single seed;
                                   same_class_percent: from the lowest to the highest pair
    measures.MODEL.kSIZE.KERNELS.COLUMN   a cell of measures.tsv
    similarity.MODEL.kSIZE.OTHER   in measures_similarity.tsv

The range of a number is

    counts; the family's ruler; measures   the number, as it is rounded: no training is in it
    controls of the paper's ruler  from 0 to twice the number, at least to 0.1 percent
    other percentages              on either side as far as the single seeds spread, at least one
                                   point, then outwards to whole percents
    intervals, the command         none
"""

import argparse
import json
import math
import platform
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd

REPOSITORY = Path(__file__).parents[1]
NUMBERS = REPOSITORY / "docs/numbers.json"
PLACE = re.compile(r"(<!-- = (\S+) -->)(.*?)(<!-- / -->)", re.DOTALL)
COLUMNS = {"near": "near_percent", "codebook": "clustered_percent"}  # by method
FAMILY = ("family", "templates")  # methods without a training
MAKES_RESULTS = ("src", "rules", "config.yaml")


@dataclass(frozen=True)
class Number:
    """What a run says of a name.

    Attributes
    ----------
    text : str
        What the pages say.
    found : list of float
        One number, or the lowest and the highest.
    low, high : float or None
        The range; None for what other machines need not repeat.
    """

    text: str
    found: list[float]
    low: float | None = None
    high: float | None = None

    def holds(self, found: list[float]) -> bool:
        """Whether numbers of another run are in the range."""
        if self.low is None or self.high is None:
            return True
        return all(self.low <= value <= self.high for value in found)


class Run:
    """The tables of a run, asked by name; `made_at` is the commit if it is not checked out."""

    def __init__(self, results: Path, made_at: str = "") -> None:
        self._results, self._made_at = results, made_at
        self.clustered, self.families, self.controls, self.stability = (
            pd.read_csv(results / f"tables/{name}.tsv", sep="\t", dtype={"seeds": str})
            for name in ("clustered", "families", "controls", "stability")
        )

    def look_up(self, name: str) -> Number:
        """Look a number up. Raises KeyError if the run has no such number."""
        match name.split("."):
            case ["run", fact]:
                return Number(describe_run(self._results, self._made_at)[fact], [])
            case ["command", model]:
                return Number(_ask_the_command(model), [])
            case ["controls", size, kernels, method]:
                return self._control(int(size[1:]), kernels, method)
            case ["seeds", size, column]:
                return self._seeds(int(size[1:]), column)
            case ["measures", model, size, kernels, column]:
                of = {"model": model, "kernel_size": int(size[1:]), "kernels": kernels}
                return self._measure("measures", of, column)
            case ["similarity", model, size, other]:
                of = {"model": model, "kernel_size": int(size[1:]), "other_model": other}
                return self._measure("measures_similarity", of, "similarity")
            case [model, size, column]:
                return self._cell(model, int(size[1:]), column)
        raise KeyError(name)

    def _cell(self, model: str, size: int, column: str) -> Number:
        table = self.families if model == "all" else self.clustered
        rows = table[(table.iloc[:, 0] == model) & (table["kernel_size"] == size)]
        if len(rows) != 1:
            raise KeyError(f"{model}, {size}x{size}: {len(rows)} rows")
        row = rows.iloc[0].copy()
        if column.endswith("_interval"):
            ends = [
                float(row[column.replace("interval", f"{end}_percent")]) for end in ("low", "high")
            ]
            return Number(_from_to(*(round(end) for end in ends)), ends)
        row["n_live"] = row["n_kernels"] - row["n_dead"]
        value = float(row[column])
        if column.startswith("n_"):
            return Number(f"{value:,.0f}", [value], value, value)
        if column.endswith("matched_percent"):
            return _as_rounded(value)
        if column.startswith(("random_", "phase_randomised_")):
            return _at_most(value)
        return _by_training([value], self._spread(size, column.replace("_live", "")))

    def _control(self, size: int, kernels: str, method: str) -> Number:
        of = {"kernel_size": size, "kernels": kernels, "method": method}
        rows = self.controls[(self.controls[list(of)] == pd.Series(of)).all(axis=1)]
        if rows.empty:
            raise KeyError(f"{kernels} by {method}, {size}x{size}")
        value = float(100 * rows["n_clustered"].sum() / rows["n_kernels"].sum())
        if method in FAMILY:
            return _as_rounded(value)
        if kernels == "own":
            return _by_training([value], self._spread(size, COLUMNS.get(method)))
        return _at_most(value)

    def _measure(self, name: str, of: dict[str, str | int], column: str) -> Number:
        table = pd.read_csv(self._results / f"tables/{name}.tsv", sep="\t")
        rows = table[(table[list(of)] == pd.Series(of)).all(axis=1)]
        if len(rows) != 1:
            raise KeyError(f"{of} in {name}.tsv: {len(rows)} rows")
        value = float(rows.iloc[0][column])
        if column.endswith("_percent"):
            return _as_rounded(value)
        ends = (round(value + shift, 2) for shift in (-0.01, 0.01))
        return Number(f"{value + 0.0:.2f}".replace("-0.00", "0.00"), [value], *ends)

    def _seeds(self, size: int, column: str) -> Number:
        seeds = self._of_seeds(size, column)
        if seeds.empty:
            raise KeyError(f"{column} of seeds, {size}x{size}")
        found = [float(seeds.min()), float(seeds.max())]
        return _by_training(found, self._spread(size, column))

    def _spread(self, size: int, column: str | None) -> float:
        """Largest less smallest seed, in points; 0 for a size or method without seeds."""
        seeds = self._of_seeds(size, column) if column else pd.Series()
        return float(seeds.max() - seeds.min()) if len(seeds) else 0.0

    def _of_seeds(self, size: int, column: str) -> pd.Series:
        rows = self.stability[self.stability["kernel_size"] == size]
        of_pairs = rows["seeds"].str.contains(",")
        return rows.loc[of_pairs == (column == "same_class_percent"), column]


def _by_training(found: list[float], spread: float) -> Number:
    reach = max(1.0, spread)
    low = max(0, math.floor(min(found) - reach))
    high = min(100, math.ceil(max(found) + reach))
    return Number(_from_to(low, high), found, low, high)


def _at_most(value: float) -> Number:
    high = max(0.1, 2 * value)
    high = math.ceil(high) if high > 1 else math.ceil(10 * high) / 10
    return Number(f"at most {high:g} %", [value], 0, high)


def _as_rounded(value: float) -> Number:
    return Number(f"{value:.1f} %", [value], *(round(value + shift, 1) for shift in (-0.1, 0.1)))


def _from_to(low: int, high: int) -> str:
    return f"{low} to {high} %"


def _ask_the_command(model: str) -> str:
    sheet = pd.read_csv(REPOSITORY / "models/bundled.tsv", sep="\t", index_col="model")
    command = [sys.executable, "-m", "kernel_atlas", "classify", sheet.loc[model, "source"]]
    answer = subprocess.check_output(command, text=True)
    return "\n```\n" + "\n\n".join(answer.split("\n\n")[:2]) + "\n```\n"


def describe_run(results: Path, made_at: str = "") -> dict[str, str]:
    """The processor, the commit and the date."""
    cpuinfo = Path("/proc/cpuinfo")
    text = cpuinfo.read_text(encoding="utf-8") if cpuinfo.exists() else ""
    processor = re.search(r"^model name\s*: (.*)$", text, re.MULTILINE)
    return {
        "machine": processor[1] if processor else platform.machine(),
        "commit": made_at or _git("describe", "--always", "--dirty", "--exclude=*"),
        "date": datetime.fromtimestamp(_last_written(results), UTC).date().isoformat(),
    }


def find_newer_code(results: Path) -> str | None:
    """Say so if code or settings were committed after the run, which then had others."""
    last = _git("log", "-1", "--format=%ct %h", "--", *MAKES_RESULTS).split()
    if not last or int(last[0]) <= _last_written(results):
        return None
    return (
        f"{results}: older than {last[1]}, the last change of {', '.join(MAKES_RESULTS)}; "
        "run the workflow again, or say what made it: --made-at COMMIT"
    )


def _last_written(results: Path) -> float:
    return max(path.stat().st_mtime for path in (results / "tables").iterdir())


def _git(*arguments: str) -> str:
    return subprocess.check_output(["git", *arguments], cwd=REPOSITORY, text=True).strip()


def pages() -> list[Path]:
    """The pages that may have places."""
    return [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").glob("**/*.md"))]


def names_in(text: str) -> list[str]:
    """The names of the places of a page."""
    return [name for _, name, _, _ in PLACE.findall(text)]


def fill(text: str, numbers: Mapping[str, Number]) -> str:
    """Write a page's numbers. Raises KeyError for a name without a number."""
    return PLACE.sub(lambda place: place[1] + numbers[place[2]].text + place[4], text)


def read_numbers() -> dict[str, Number]:
    """Read docs/numbers.json."""
    content = json.loads(NUMBERS.read_text(encoding="utf-8"))
    return {name: Number(**fields) for name, fields in content.items()}


def compare(numbers: Mapping[str, Number], run: Run) -> list[str]:
    """A line for each number of a run that is outside its range."""
    found = {name: run.look_up(name).found for name, number in numbers.items()}
    return [
        f"{name}: {found[name]}, not in {number.low:g} to {number.high:g}"
        for name, number in numbers.items()
        if not number.holds(found[name])
    ]


def main(results: Path | None, check: bool, made_at: str = "") -> str | None:
    """Make the pages, or check a run. Returns what is wrong."""
    if check:
        return "\n".join(compare(read_numbers(), Run(results or REPOSITORY / "results"))) or None
    texts = {page: page.read_text(encoding="utf-8") for page in pages()}
    if results:
        if not made_at and (newer := find_newer_code(results)):
            return newer
        run = Run(results, made_at)
        names = sorted({name for text in texts.values() for name in names_in(text)})
        content = {name: asdict(run.look_up(name)) for name in names}
        NUMBERS.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    numbers = read_numbers()
    for page, text in texts.items():
        page.write_text(fill(text, numbers), encoding="utf-8")
    return None


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("results", type=Path, nargs="?")
    either = parser.add_mutually_exclusive_group()
    either.add_argument("--check", action="store_true")
    either.add_argument("--made-at", metavar="COMMIT", default="")
    arguments = parser.parse_args()
    sys.exit(main(arguments.results, arguments.check, arguments.made_at))
