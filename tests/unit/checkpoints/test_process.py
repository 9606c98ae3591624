"""Pickles are read in a process of their own, whose memory and time are bounded."""

import os
import resource
import signal
import sys

import numpy as np
import pytest
import torch
from support.hostile import Code, large_array, nested_tuples, rezip, weights

from kernel_atlas.checkpoints import process as apart
from kernel_atlas.checkpoints.depthwise import Depthwise
from kernel_atlas.checkpoints.read import read_checkpoint
from kernel_atlas.errors import AtlasError
from kernel_atlas.sources.local import LocalFile


def read(path):
    return read_checkpoint(LocalFile(path), Depthwise())


def test_what_is_read_apart_is_what_was_saved(tmp_path, capfd):
    torch.save(weights(), tmp_path / "net.pth")
    (layer,) = read(tmp_path / "net.pth")
    assert layer.name == "dw"
    np.testing.assert_array_equal(layer.kernels, weights()["dw.weight"].numpy()[:, 0])
    assert layer.kernels.dtype == np.float32
    assert capfd.readouterr() == ("", "")


def test_a_fault_of_the_file_is_told_as_by_the_reader(tmp_path):
    torch.save({"state_dict": weights(), "code": Code(tmp_path / "mark")}, tmp_path / "net.pth")
    with pytest.raises(AtlasError, match=r"net\.pth holds posix\.mkdir, which is code"):
        read(tmp_path / "net.pth")
    assert not (tmp_path / "mark").exists()


def test_a_pickle_that_asks_for_memory_is_refused_and_gets_none(tmp_path):
    rezip(tmp_path / "net.pth", data=large_array(20 << 30))
    with pytest.raises(AtlasError, match=r"net\.pth is no whole checkpoint .* MB of memory"):
        read(tmp_path / "net.pth")
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss < 2_000_000  # kB


def test_a_pickle_that_never_ends_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(apart, "SPARE_CPU_SECONDS", 2)
    rezip(tmp_path / "net.pth", data=nested_tuples(60))
    with pytest.raises(AtlasError, match=r"net\.pth is no whole checkpoint .*CPU time limit"):
        read(tmp_path / "net.pth")


def test_a_module_in_the_working_directory_is_not_run(tmp_path, monkeypatch):
    (tmp_path / "torch.py").write_text(f"open({str(tmp_path / 'mark')!r}, 'w')")
    monkeypatch.chdir(tmp_path)
    torch.save(weights(), "net.pth")
    assert len(read(tmp_path / "net.pth")) == 1
    assert not (tmp_path / "mark").exists()


@pytest.mark.parametrize(
    ("number", "error"),
    [(signal.SIGSEGV, AtlasError), (signal.SIGABRT, AtlasError), (signal.SIGKILL, OSError)],
)
def test_a_crash_is_the_files_fault_and_a_kill_is_not(tmp_path, monkeypatch, number, error):
    torch.save(weights(), tmp_path / "net.pth")
    stand_in = tmp_path / "python"
    stand_in.write_text(f"#!{sys.executable}\nimport os\nos.kill(os.getpid(), {int(number)})\n")
    os.chmod(stand_in, 0o700)
    monkeypatch.setattr(sys, "executable", str(stand_in))
    with pytest.raises(error, match=r"net\.pth"):
        read(tmp_path / "net.pth")
