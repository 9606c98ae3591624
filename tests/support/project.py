"""A user's project in a temporary directory: a sheet, checkpoints, a config, and Snakemake."""

import re
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import psutil
import torch
import yaml
from safetensors.numpy import save_file
from support.processes import kill_tree, running_jobs

from kernel_atlas.family import functions
from kernel_atlas.figures.registry import DRAWINGS

REPOSITORY = Path(__file__).resolve().parents[2]
TIMEOUT_SECONDS = 1200  # ends a run that hangs; no run takes nearly as long

# Twenty seconds on two idle cores; a second of training gives clean clusters.
CONFIG: dict[str, Any] = {
    "sheets": ["sheet.tsv"],
    "autoencoder": {
        "widths": [128, 64, 32, 16],
        "epochs": 100,
        "refine_epochs": 5,
        "batch_size": 32,
        "learning_rate": 0.005,
        "seeds": 2,
        "device": "cpu",
    },
    "kmeans": {"centres": 6},
    "figures": {"dpi": 50, "samples": 4},
}
# A row is a tuple of the first four cells; the others are the same for all rows of a call.
COLUMNS = (
    *("model", "source", "role", "sha256"),
    *("family", "paper_table", "paper_percent", "duplicate_of"),
)
# Under results/: what must be equal, to the byte, however a run was disturbed.
RESULTS = ("tables/*", "classes/*/*", "labels/*", "autoencoder/*/*", "kmeans/*/*", "baselines/*")
# Rules that a test of tables leaves out: half the time of a small project is spent on figures.
DRAWING = tuple(DRAWINGS)
SHOWING = (*DRAWING, "build_page", "summarise_run")  # what is in none of RESULTS

IsAtWork = Callable[[psutil.Process], bool]


def make_kernels(size: int, count: int, seed: int) -> np.ndarray:
    """Noisy members of the DoG family in equal shares, float32 of shape (count, 1, k, k)."""
    rng = np.random.default_rng(seed)
    centre = functions.difference_of_gaussians(size, size / 6)
    right, down = (functions.first_derivative(size, size / 5, angle) for angle in (0, np.pi / 2))
    shapes = np.array([centre, -centre, right, -right, down, -down])
    kernels = shapes[np.arange(count) % len(shapes)]
    noise = rng.normal(scale=0.2 / size, size=kernels.shape)
    scale = rng.uniform(0.5, 2, size=(count, 1, 1))
    return (scale * (kernels + noise)).astype(np.float32)[:, None]


def make_weights(
    layers: list[tuple[int, int]], seed: int, n_dead: int = 0
) -> dict[str, np.ndarray]:
    """A state dict: depthwise layers given as (kernel size, kernels), and a dense one.

    The first `n_dead` kernels of each layer are dead.
    """
    weights = {
        f"blocks.{index}.dw.weight": make_kernels(size, count, seed + index)
        for index, (size, count) in enumerate(layers)
    }
    for kernels in weights.values():
        kernels[:n_dead] = 0
    return weights | {"head.weight": np.ones((4, 8), np.float32)}


@dataclass
class Run:
    """A call of snakemake that has ended."""

    returncode: int
    output: str
    logged: list[str]  # log files that it wrote, as rule or rule/wildcard

    @property
    def jobs(self) -> list[str]:
        """Jobs that ran, as rule or rule/wildcard, checked against Snakemake's own count."""
        finished = re.findall(r"^Finished jobid: \d+ \(Rule: (\w+)\)", self.output, re.MULTILINE)
        rules = Counter(name.split("/")[0] for name in self.logged)
        assert rules == Counter(rule for rule in finished if rule != "all"), self.output
        return self.logged

    @property
    def errors(self) -> list[str]:
        """Lines that a job wrote for its user."""
        return [line for line in self.output.splitlines() if line.startswith("ERROR: ")]

    def cause(self, model: str) -> str:
        """The one line that says why a model could not be extracted."""
        (line,) = [line for line in self.errors if line.startswith(f"ERROR: model {model}: ")]
        return line.removeprefix(f"ERROR: model {model}: ")


class Project:
    """A working directory with `sheet.tsv`, `my.yaml` and checkpoints under `weights/`.

    snakemake gets the variables of `environment` (by default those of the test) and writes
    its messages to the file `output`. It makes all but the files of the rules of `without`.
    """

    def __init__(
        self,
        folder: Path,
        environment: Mapping[str, str] | None = None,
        output: str = "output.txt",
        without: Sequence[str] = (),
    ) -> None:
        self.folder = folder
        self.environment = environment
        self.output = folder / output
        self.without = without
        (folder / "weights").mkdir(parents=True, exist_ok=True)

    def __truediv__(self, path: str) -> Path:
        return self.folder / path

    def copy(self, folder: Path) -> "Project":
        """The same project elsewhere, with its results and their times of change."""
        shutil.copytree(self.folder, folder, dirs_exist_ok=True)
        return Project(folder, self.environment, without=self.without)

    def write_config(self, **changes: Any) -> None:
        """Write `my.yaml`: CONFIG with the settings of these sections changed."""
        config = {
            key: {**CONFIG.get(key, {}), **changes[key]}
            if isinstance(changes.get(key), Mapping)
            else changes.get(key, CONFIG.get(key))
            for key in {**CONFIG, **changes}
        }
        (self / "my.yaml").write_text(yaml.safe_dump(config))

    def write_weights(
        self, name: str, layers: list[tuple[int, int]], seed: int = 0, n_dead: int = 0
    ) -> str:
        """Write a checkpoint of make_weights; returns its source."""
        path = self / f"weights/{name}"
        weights = make_weights(layers, seed, n_dead)
        if path.suffix == ".safetensors":
            save_file(weights, path)
        else:
            tensors = {f"module.{key}": torch.from_numpy(part) for key, part in weights.items()}
            torch.save({"state_dict": tensors, "epoch": 3}, path)
        return f"file:weights/{name}"

    def write_sheet(self, *rows: tuple[str, ...]) -> None:
        """Write `sheet.tsv` from rows of model, source, role and perhaps sha256."""
        (self / "sheet.tsv").write_text("\t".join(COLUMNS) + "\n")
        self.add_rows(*rows)

    def add_rows(self, *rows: tuple[str, ...], **cells: str) -> None:
        """Add rows of model, source, role and perhaps sha256, with these further cells."""
        with (self / "sheet.tsv").open("a") as file:
            for row in rows:
                found = {"family": "Synthetic", **cells, **dict(zip(COLUMNS, row, strict=False))}
                file.write("\t".join(found.get(column, "") for column in COLUMNS) + "\n")

    def snakemake(self, *options: str, timeout: float = TIMEOUT_SECONDS) -> Run:
        """Call snakemake as a user does and wait for its end."""
        started_at = time.time()
        with self.start(*options) as process:
            try:
                process.wait(timeout)
            finally:
                kill_tree(process.pid)
        return self.ended(process, started_at)

    def plan(self) -> Counter[str]:
        """How many jobs of each rule the next run will do; nothing runs."""
        run = self.snakemake("--dry-run")
        assert run.returncode == 0, run.output
        table = run.output.partition("Job stats:")[2].partition("\n\n")[0]
        counts = dict(re.findall(r"^(\w+) +(\d+)$", table, re.MULTILINE))
        return Counter({rule: int(n) for rule, n in counts.items() if rule not in ("all", "total")})

    def retry(self, *targets: str) -> Run:
        """What `make retry` does: list the failed models, extract them again, then run.

        The run makes these targets, by default all results.
        """
        listed = self.snakemake("results/tables/failed.tsv")
        failed = [f"results/kernels.zarr/{model}/zarr.json" for model in self.table("failed").model]
        forced = self.snakemake("--force", *failed)
        run = self.snakemake(*targets)
        return Run(
            run.returncode,
            listed.output + forced.output + run.output,
            sorted(listed.logged + forced.logged + run.logged),
        )

    def start(self, *options: str) -> subprocess.Popen:
        """Start snakemake and do not wait."""
        command = [str(Path(sys.executable).with_name("snakemake"))]
        command += ["--omit-from", *self.without] if self.without else []
        command += ["--cores", "2"]
        command += ["--snakefile", str(REPOSITORY / "Snakefile"), "--directory", str(self.folder)]
        command += options
        if (self / "my.yaml").exists():  # last, or targets would be read as more config files
            command += ["--configfile", str(self / "my.yaml")]
        with self.output.open("w") as output:
            return subprocess.Popen(
                command,
                cwd=self.folder,
                env=self.environment,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def ended(self, process: subprocess.Popen, started_at: float) -> Run:
        """What a call of snakemake did."""
        logs = self / "results/logs"
        logged = [
            path.relative_to(logs).with_suffix("").as_posix()
            for path in logs.rglob("*.log")
            if path.stat().st_mtime > started_at
        ]
        return Run(process.returncode, self.output.read_text(), sorted(logged))

    def run_until(
        self,
        script: str,
        is_at_work: IsAtWork,
        interrupt: Callable[[subprocess.Popen, psutil.Process], None],
        *options: str,
    ) -> Run:
        """Start snakemake; once the job of a script is at work, call `interrupt`, then wait.

        `interrupt` is called with the process of snakemake and that of the job.
        """
        started_at = time.time()
        with self.start(*options) as process:
            try:
                interrupt(process, _wait_for_job(process, script, is_at_work))
                process.wait(TIMEOUT_SECONDS)
            finally:
                kill_tree(process.pid)
        return self.ended(process, started_at)

    def kill_job(self, script: str, is_at_work: IsAtWork, *options: str) -> Run:
        """Start snakemake, SIGKILL the job of this script once it is at work, and wait."""
        return self.run_until(script, is_at_work, lambda _, job: job.kill(), *options)

    def contents(self, *patterns: str) -> dict[str, bytes]:
        """The bytes of the files under `results/` that match, by path."""
        results = self / "results"
        files = (path for pattern in patterns for path in results.glob(pattern) if path.is_file())
        return {path.relative_to(results).as_posix(): path.read_bytes() for path in files}

    def table(self, name: str) -> pd.DataFrame:
        """A table of `results/tables/`."""
        return pd.read_csv(self / f"results/tables/{name}.tsv", sep="\t")


def _wait_for_job(process: subprocess.Popen, script: str, is_at_work: IsAtWork) -> psutil.Process:
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        for job in running_jobs(process.pid, script):
            if is_at_work(job):
                return job
        time.sleep(0.005)
    raise AssertionError(f"no job of {script} was seen at work")
