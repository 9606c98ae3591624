"""A user's project whose jobs go to the SLURM of tests/slurm."""

import re
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import psutil
from support.processes import kill_tree
from support.project import REPOSITORY, Project, Run

CLUSTER = "kernel-atlas-test"  # in tests/slurm/up.sh
TIMEOUT_SECONDS = 900

# The profile as it is, but with earlier looks at short jobs.
SLURM = (
    *("--workflow-profile", str(REPOSITORY / "profiles/slurm")),
    *("--slurm-init-seconds-before-status-checks", "1"),
    *("--seconds-between-status-checks", "1"),
)


def ask_slurm(*command: str) -> str:
    """The answer to a command of SLURM, or nothing where there is no SLURM."""
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=60).stdout
    except FileNotFoundError:
        return ""


def submissions(run: Run) -> list[tuple[str, str]]:
    """Of each submission, its group (or its rule, if it has none) and SLURM's number."""
    pattern = (
        r"submitted with SLURM jobid (\d+) \(log: .*/slurm_logs/(?:group_([a-z]+)_|rule_(\w+))"
    )
    return [(group or rule, number) for number, group, rule in re.findall(pattern, run.output)]


def run_id(run: Run) -> str:
    """The name that all jobs of a run have in SLURM."""
    found = re.search(r"SLURM run ID: (\S+)", run.output)
    assert found, run.output
    return found[1]


class SlurmProject(Project):
    """A project to be disturbed while one of its jobs runs."""

    def disturb(self, disturbances: "Mapping[str, Disturb]", *options: str) -> Run:
        """Start snakemake, and disturb the first job of each name, in this order.

        A disturbance is called with this project, the process of snakemake, and the job's number.
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
            assert process.poll() is None, self.output.read_text()
            number = dict(submissions(self.ended(process, time.time()))).get(name)
            if number and ask_slurm("squeue", "-h", "-j", number, "-o", "%T").strip() == "RUNNING":
                return number
        raise AssertionError(f"no job {name} was seen running")

    def suspend(self, script: str) -> None:
        """Stop the process of a script as soon as there is one, so that its job hangs."""
        for _ in _until_timeout():
            for process in psutil.process_iter(["cmdline", "cwd"]):
                command = process.info["cmdline"] or [""]
                if command[-1].endswith(script) and process.info["cwd"] == str(self.folder):
                    process.suspend()
                    return
        raise AssertionError(f"{script} was not seen running")


def wait_for_no_job() -> None:
    """Wait until SLURM runs nothing."""
    for _ in _until_timeout():
        if not ask_slurm("squeue", "-h"):
            return
    raise AssertionError("jobs are still running")


Disturb = Callable[[SlurmProject, subprocess.Popen, str], None]


def _until_timeout() -> Iterator[None]:
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while time.monotonic() < deadline:
        yield
        time.sleep(0.1)


def write_project(folder: Path) -> SlurmProject:
    """A project of two models of made-up kernels, one of them to train on, and a broken one."""
    project = SlurmProject(folder)
    project.write_config(autoencoder={"sizes": [5], "epochs": 30, "seeds": 1})
    project.write_sheet()
    for index in range(2):
        name = f"model{index}"
        source = project.write_weights(f"{name}.pth", [(3, 60), (5, 120)], seed=10 * index)
        project.add_rows((name, source, ("train", "classify")[index]))
    (project / "weights/broken.pth").write_bytes(b"no checkpoint")
    project.add_rows(("broken", "file:weights/broken.pth", "classify"))
    return project
