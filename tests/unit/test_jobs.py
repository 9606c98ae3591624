"""Logs that end a job with one clear line, and jobs that end with their snakemake."""

import os
import subprocess
import sys

import pytest

from kernel_atlas.watcher import SNAKEMAKE


@pytest.fixture
def run_job(tmp_path):
    """A function that runs a job's body in a process of its own: exit status, stderr, log."""

    def run(body, **environment):
        log = tmp_path / "logs" / "rule" / "job.log"
        script = (
            "import logging, time, warnings\n"
            "from kernel_atlas.errors import AtlasError\n"
            "from kernel_atlas.jobs import logged\n"
            "logger = logging.getLogger('kernel_atlas.module')\n"
            f"with logged({str(log)!r}):\n    {body}\n"
        )
        job = subprocess.run(
            [sys.executable, "-c", script],
            capture_output=True,
            text=True,
            check=False,
            env=os.environ | environment,
        )
        return job.returncode, job.stderr, log.read_text()

    return run


def test_a_good_job_prints_warnings_only_and_logs_all_of_this_run(run_job):
    run_job("logger.info('an earlier run')")
    status, stderr, log = run_job(
        "logger.info('layer a'); logger.warning('size 9'); warnings.warn('overflow')"
    )
    assert status == 0
    assert stderr == "WARNING: size 9\n"
    first, second, third = log.splitlines()[:3]
    assert first.endswith(" INFO layer a")
    assert second.endswith(" WARNING size 9")
    assert third.endswith("UserWarning: overflow")


def test_bad_input_is_one_line_without_a_traceback(run_job):
    status, stderr, log = run_job("raise AtlasError('model net: layer dw: NaN')")
    assert status == 1
    assert stderr == "ERROR: model net: layer dw: NaN\n"
    assert len(log.splitlines()) == 1
    assert log.endswith("ERROR model net: layer dw: NaN\n")


def test_a_bug_of_ours_shows_its_traceback_in_both(run_job):
    status, stderr, log = run_job("{}['missing']")
    assert status == 1
    for text in (stderr, log):
        assert "unexpected error" in text
        assert "KeyError: 'missing'" in text


def test_a_job_ends_with_its_snakemake(run_job):
    with subprocess.Popen(["sleep", "1"]) as snakemake:
        status, stderr, _ = run_job("time.sleep(60)", **{SNAKEMAKE: str(snakemake.pid)})
    assert status == 1
    assert stderr == "ERROR: snakemake is gone, and this job ends with it\n"
    # and at once if it was gone before the job began
    assert run_job("time.sleep(60)", **{SNAKEMAKE: str(snakemake.pid)})[0] == 1
