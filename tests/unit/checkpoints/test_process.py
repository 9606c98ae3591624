"""Pickles are read in a process of their own, whose memory and time are bounded."""

import os
import resource
import signal
import sys

import numpy as np
import pytest
import torch
from support.hostile import Code, large_array, nested_tuples, rezip, weights

from kernel_atlas.checkpoints import process
from kernel_atlas.checkpoints.depthwise import Depthwise
from kernel_atlas.checkpoints.read import read_checkpoint
from kernel_atlas.errors import AtlasError
from kernel_atlas.sources.local import LocalFile


@pytest.fixture
def path(tmp_path):
    return tmp_path / "net.pth"


def read(path):
    return read_checkpoint(LocalFile(path), Depthwise()).layers


def test_the_kernels_come_back_and_the_working_directory_is_not_imported(
    path, tmp_path, monkeypatch, capfd
):
    torch.save(weights(), path)
    (tmp_path / "torch.py").write_text(f"open({str(tmp_path / 'mark')!r}, 'w')")
    monkeypatch.chdir(tmp_path)
    (layer,) = read(path)
    assert layer.name == "dw"
    np.testing.assert_array_equal(layer.kernels, weights()["dw.weight"].numpy()[:, 0])
    assert layer.kernels.dtype == np.float32
    assert capfd.readouterr() == ("", "")
    assert not (tmp_path / "mark").exists()


def test_a_fault_of_the_file_is_reported_as_by_the_reader(path, tmp_path):
    torch.save({"state_dict": weights(), "code": Code(tmp_path / "mark")}, path)
    with pytest.raises(AtlasError, match=r"net\.pth holds posix\.mkdir, which is code"):
        read(path)
    assert not (tmp_path / "mark").exists()


def test_a_pickle_that_asks_for_memory_is_refused_and_gets_none(path):
    rezip(path, data=large_array(20 << 30))
    with pytest.raises(AtlasError, match=r"net\.pth is not a complete checkpoint .* MB of memory"):
        read(path)
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss < 2_000_000  # kB


def test_a_pickle_that_never_ends_is_refused(path, monkeypatch):
    monkeypatch.setattr(process, "SPARE_CPU_SECONDS", 2)
    rezip(path, data=nested_tuples(60))
    with pytest.raises(AtlasError, match=r"net\.pth is not a complete checkpoint .*CPU time limit"):
        read(path)


@pytest.mark.parametrize(
    ("number", "error"),
    [(signal.SIGSEGV, AtlasError), (signal.SIGABRT, AtlasError), (signal.SIGKILL, OSError)],
)
def test_a_crash_is_the_files_fault_and_a_kill_is_not(path, tmp_path, monkeypatch, number, error):
    torch.save(weights(), path)
    stand_in = tmp_path / "python"
    stand_in.write_text(f"#!{sys.executable}\nimport os\nos.kill(os.getpid(), {int(number)})\n")
    os.chmod(stand_in, 0o700)
    monkeypatch.setattr(sys, "executable", str(stand_in))
    with pytest.raises(error, match=r"net\.pth"):
        read(path)
