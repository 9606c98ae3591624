"""Files that appear whole or not at all, and logs that end a job with one clear line."""

import errno
import os
import shutil
import subprocess
import sys
from types import SimpleNamespace

import pytest

from kernel_atlas.atomic import replacing
from kernel_atlas.errors import AtlasError, NoSpaceError
from kernel_atlas.jobs import SNAKEMAKE


def test_a_file_appears_whole_in_a_folder_of_its_own(tmp_path):
    path = tmp_path / "new" / "folder" / "codebook.npy"
    with replacing(path) as partial:
        assert (partial.parent, partial.suffix) == (path.parent, ".npy")
        partial.write_text("content")
        assert not path.exists()
    assert path.read_text() == "content"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("earlier", [None, "earlier"])
def test_an_error_leaves_what_stood_there(tmp_path, earlier):
    path = tmp_path / "table.tsv"
    if earlier:
        path.write_text(earlier)

    def write_half():
        with replacing(path) as partial:
            partial.write_text("half")
            raise RuntimeError("cut off")

    with pytest.raises(RuntimeError, match="cut off"):
        write_half()
    assert [p.read_text() for p in tmp_path.iterdir()] == ([earlier] if earlier else [])


def test_two_files_of_one_folder_do_not_share_a_temporary_name(tmp_path):
    with replacing(tmp_path / "layers.png") as png, replacing(tmp_path / "layers.svg") as svg:
        png.write_text("png")
        svg.write_text("svg")
    assert (tmp_path / "layers.png").read_text() == "png"
    assert (tmp_path / "layers.svg").read_text() == "svg"


@pytest.mark.parametrize(
    ("error", "free_mb"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), 100),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), 100),
        (RuntimeError("file write failed"), 0.5),  # torch's
    ],
)
def test_a_full_disk_is_one_line(tmp_path, monkeypatch, error, free_mb):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=free_mb * 1e6))
    with pytest.raises(NoSpaceError, match=rf"new/table.tsv .* no space left .* \({free_mb}"):
        write_and_raise(tmp_path / "new/table.tsv", error)


@pytest.mark.parametrize(
    ("error", "free_mb"),
    [(RuntimeError("other"), 100), (PermissionError(errno.EACCES, ""), 100), (AtlasError(), 0)],
)
def test_another_error_is_left_as_it_is(tmp_path, monkeypatch, error, free_mb):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=free_mb * 1e6))
    with pytest.raises(type(error)) as caught:
        write_and_raise(tmp_path / "table.tsv", error)
    assert caught.value is error


def write_and_raise(path, error):
    with replacing(path) as partial:
        partial.write_text("half")
        raise error


@pytest.fixture
def run_job(tmp_path):
    """A function that runs a job's body in a process of its own: exit status, stderr, log."""

    def run(body, **environment):
        log = tmp_path / "logs" / "rule" / "job.log"
        script = (
            "import logging, warnings\n"
            "from kernel_atlas.errors import AtlasError\n"
            "from kernel_atlas.jobs import logged\n"
            "logger = logging.getLogger('kernel_atlas.module')\n"
            f"with logged({str(log)!r}):\n    {body}\n"
        )
        job = subprocess.run(
            [sys.executable, "-c", script], capture_output=True, text=True, check=False,
            env=os.environ | environment,
        )  # fmt: skip
        return job.returncode, job.stderr, log.read_text()

    return run


def test_a_good_job_is_quiet_but_for_warnings(run_job):
    status, stderr, log = run_job("logger.info('layer a'); logger.warning('size 9 skipped')")
    assert status == 0
    assert stderr == "WARNING: size 9 skipped\n"
    assert [line.split(" ", 2)[2] for line in log.splitlines()] == [
        "INFO layer a",
        "WARNING size 9 skipped",
    ]


def test_bad_input_is_one_line_without_a_traceback(run_job):
    status, stderr, log = run_job("raise AtlasError('model net: layer dw: NaN')")
    assert status == 1
    assert stderr == "ERROR: model net: layer dw: NaN\n"
    assert len(log.splitlines()) == 1
    assert log.endswith("ERROR model net: layer dw: NaN\n")


def test_a_fault_of_ours_shows_its_traceback_in_both(run_job):
    status, stderr, log = run_job("{}['missing']")
    assert status == 1
    for text in (stderr, log):
        assert "unexpected error" in text
        assert "KeyError: 'missing'" in text


def test_warnings_of_libraries_are_logged(run_job):
    status, _, log = run_job("warnings.warn('numbers overflow')")
    assert status == 0
    assert "UserWarning: numbers overflow" in log


def test_a_log_holds_the_last_run_alone(run_job):
    run_job("logger.info('first')")
    _, _, log = run_job("logger.info('second')")
    assert "second" in log
    assert "first" not in log


def test_a_job_ends_with_its_snakemake(run_job):
    with subprocess.Popen(["sleep", "1"]) as snakemake:
        body = "import time; time.sleep(60)"
        status, stderr, _ = run_job(body, **{SNAKEMAKE: str(snakemake.pid)})
    assert status == 1
    assert stderr == "ERROR: snakemake is gone, and this job ends with it\n"
    # and at once where it was gone before the job began
    assert run_job(body, **{SNAKEMAKE: str(snakemake.pid)})[0] == 1
