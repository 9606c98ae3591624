"""A user's project whose jobs go to the SLURM of tests/slurm."""

import re
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import psutil
from support.project import REPOSITORY, Project, Run, kill_tree

CLUSTER = "kernel-atlas-test"  # in tests/slurm/up.sh
TIMEOUT_SECONDS = 900
TRAINING = {"sizes": [5], "epochs": 30, "seeds": 1}

# what makes all tables, and two figures that could be drawn side by side
TARGETS = (
    "results/figures/clustered.png", "results/figures/sweep.png", "results/tables/stability.tsv",
)  # fmt: skip
RESULTS = ("tables/*", "classes/*/*", "labels/*", "autoencoder/*/*", "kmeans/*/*")
# submissions, by their group and its rules
START = "start_save_config"
EXTRACTION = "extract0_extract_kernels"
FIT = "fit_cluster_kernels_fit_baselines"
TRAINING_JOB = "train_autoencoder"
CLASSIFICATION = "classify0_classify_kernels"


def ask_slurm(*command: str) -> str:
    """What a command of SLURM answers, or nothing where there is no SLURM."""
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=60).stdout
    except FileNotFoundError:
        return ""


# The profile as it is, but with earlier looks at short jobs.
SLURM = (
    "--workflow-profile", str(REPOSITORY / "profiles/slurm"),
    "--slurm-init-seconds-before-status-checks", "1", "--seconds-between-status-checks", "1",
)  # fmt: skip


def submissions(run: Run) -> list[tuple[str, str]]:
    """Each submission as the rule, or the group and its rules, and SLURM's number."""
    pattern = r"submitted with SLURM jobid (\d+) \(log: .*/slurm_logs/(?:rule|group)_([^/]+)/"
    return [(name, number) for number, name in re.findall(pattern, run.output)]


def run_id(run: Run) -> str:
    """The name under which SLURM has all jobs of a run."""
    found = re.search(r"SLURM run ID: (\S+)", run.output)
    assert found, run.output
    return found[1]


class SlurmProject(Project):
    """A project to be disturbed while one of its jobs runs."""

    def disturb(self, disturbances: "Mapping[str, Disturb]", *options: str) -> Run:
        """Start snakemake, and disturb the first job of each name, in this order.

        What disturbs a job is called with this project, snakemake, and the job's number.
        """
        started_at = time.time()
        with self.start(*SLURM, *options) as process:
            try:
                for name, disturb in disturbances.items():
                    disturb(self, process, self._wait_until_running(process, name))
                process.wait(TIMEOUT_SECONDS)
            finally:
                kill_tree(process.pid)
        return self.ended(process, started_at)

    def _wait_until_running(self, process: subprocess.Popen, name: str) -> str:
        for _ in _until_timeout():
            assert process.poll() is None, (self / "output.txt").read_text()
            number = dict(submissions(self.ended(process, time.time()))).get(name)
            if number and ask_slurm("squeue", "-h", "-j", number, "-o", "%T").strip() == "RUNNING":
                return number
        raise AssertionError(f"no job {name} was seen running")

    def suspend(self, script: str) -> psutil.Process:
        """Stop the process of a script as soon as there is one, so that its job hangs."""
        for _ in _until_timeout():
            for process in psutil.process_iter(["cmdline", "cwd"]):
                command = process.info["cmdline"] or [""]
                if command[-1].endswith(script) and process.info["cwd"] == str(self.folder):
                    process.suspend()
                    return process
        raise AssertionError(f"{script} was not seen running")


def wait_for_no_job() -> None:
    """Wait until SLURM runs nothing."""
    for _ in _until_timeout():
        if not ask_slurm("squeue", "-h"):
            return
    raise AssertionError("jobs run on")


Disturb = Callable[[SlurmProject, subprocess.Popen, str], None]


def _until_timeout() -> Iterator[None]:
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while time.monotonic() < deadline:
        yield
        time.sleep(0.1)


def write_project(folder: Path) -> SlurmProject:
    """A project of three models of made-up kernels, two of them to train on, and a broken one."""
    project = SlurmProject(folder)
    project.write_config(autoencoder=TRAINING)
    for index in range(3):
        name = f"model{index}"
        source = project.write_weights(f"{name}.pth", [(3, 60), (5, 120)], seed=10 * index)
        row = (name, source, "train" if index < 2 else "classify")
        project.add_rows(row) if index else project.write_sheet(row)
    (project / "weights/broken.pth").write_bytes(b"no checkpoint")
    project.add_rows(("broken", "file:weights/broken.pth", "classify"))
    return project
