"""The command as a process: interrupts, imports, pipes."""

import io
import json
import os
import signal
import subprocess
import sys

import psutil
import pytest
import torch

from kernel_atlas.atlas import Atlas


def test_ctrl_c_ends_with_130_and_no_word(command, network, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(Atlas, "load", interrupt)
    outcome = command("classify", network)
    assert (outcome.status, outcome.stdout, outcome.stderr.strip()) == (130, "", "")


def test_ctrl_c_while_a_pickle_is_read_shows_no_traceback(tmp_path):
    torch.save({"dw.weight": torch.ones(4, 1, 3, 3)}, tmp_path / "net.pth")
    command = [sys.executable, "-m", "kernel_atlas", "classify", str(tmp_path / "net.pth")]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, start_new_session=True, **pipes) as process:
        parent = psutil.Process(process.pid)
        while not any("libtorch" in m.path for c in parent.children() for m in maps_of(c)):
            assert process.poll() is None
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does
        output, errors = process.communicate()
    assert (process.returncode, output, errors.strip()) == (130, b"", b"")


def maps_of(process):
    """The files that a process has mapped."""
    try:
        return process.memory_maps()
    except psutil.Error:  # it is starting
        return []


HEAVY = {"numpy", "pandas", "torch", "timm", "zarr", "matplotlib", "sklearn", "scipy", "snakemake"}


@pytest.mark.parametrize(
    ("arguments", "loaded"),
    [
        (["--help"], set()),
        (["classify", "--help"], set()),
        (["classify", "missing.pth"], set()),
        (["classify", "--fast"], set()),
        (["classify", "{net}", "--plot", "a.txt"], set()),
        (["classify", "{net}", "--atlas", "{atlas}"], {"numpy", "pandas", "scipy"}),
    ],
)
def test_a_call_imports_no_more_than_it_needs(network, atlas, arguments, loaded):
    script = (
        "import atexit, sys; "
        f"atexit.register(lambda: print('loaded', *sorted({HEAVY!r} & set(sys.modules)))); "
        "from kernel_atlas.cli import main; main()"
    )
    filled = [argument.format(net=network, atlas=atlas) for argument in arguments]
    command = [sys.executable, "-W", "error", "-c", script, *filled]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr
    assert set(done.stdout.splitlines()[-1].split()[1:]) == loaded


def test_the_package_is_the_command(network, atlas):
    command = [sys.executable, "-W", "error", "-m", "kernel_atlas", "classify", str(network)]
    done = subprocess.run(
        [*command, "--atlas", str(atlas), "--json"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert json.load(io.StringIO(done.stdout))["sizes"]


def test_a_reader_that_has_gone_is_no_fault(network, atlas):
    command = [
        sys.executable,
        "-m",
        "kernel_atlas",
        "classify",
        str(network),
        "--atlas",
        str(atlas),
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.close()
        assert b"Traceback" not in process.stderr.read()
