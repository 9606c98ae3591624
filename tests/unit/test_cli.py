"""The command: what it prints and writes, and one line for each fault of its user."""

import io
import json
import os
import re
import signal
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pandas as pd
import psutil
import pytest
import torch
from safetensors.numpy import save_file
from support.atlases import Command, make_atlas
from support.field_cases import make_cases

from kernel_atlas import __version__
from kernel_atlas.atlas import Atlas


@pytest.fixture
def command(monkeypatch, capsys):
    """The command, called in this process."""
    return Command(monkeypatch, capsys)


@pytest.fixture
def atlas(rng, tmp_path):
    """A small atlas in a file."""
    make_atlas(rng).save(tmp_path / "my.atlas")
    return tmp_path / "my.atlas"


@pytest.fixture
def network(rng, tmp_path):
    """A checkpoint of 3x3, 5x5 and 7x7 kernels, with a weight in doubt."""
    weights = {
        "a.dw.weight": rng.normal(size=(12, 1, 5, 5)),
        "b.dw.weight": rng.normal(size=(8, 1, 3, 3)),
        "c.dw.weight": rng.normal(size=(4, 1, 7, 7)),
        "d.dw.weight": rng.normal(size=(4, 1, 1, 7)),
    }
    path = tmp_path / "net.safetensors"
    save_file({name: array.astype(np.float32) for name, array in weights.items()}, path)
    return path


def test_classify_prints_percentages_and_layers(command, network, atlas):
    outcome = command("classify", network, "--atlas", atlas)
    assert (outcome.status, outcome.stderr) == (0, "")
    lines = outcome.stdout.splitlines()
    assert lines[0] == f"atlas: {atlas} (3x3, 5x5; trained on net_a)"
    assert lines[2].split()[:4] == ["size", "kernels", "dead", "clustered"]
    result = Atlas.load(atlas).classify(network)
    for size, line in ((3, lines[3]), (5, lines[4])):
        (row,) = result.summary.query("kernel_size == @size").itertuples()
        cells = line.split()
        assert cells[:3] == [f"{size}x{size}", str(row.n_kernels), "0"]
        assert cells[3] == f"{row.clustered_percent:.1f}"
        assert cells[-2] == f"{row.random_percent:.2f}"
    assert "7x7: 4 kernels not classified: the atlas has 3x3, 5x5 only" in outcome.stdout
    assert "kernel-atlas export results/" in outcome.stdout
    (layer,) = [line.split() for line in lines if line.startswith("a.dw")]
    assert layer[:2] == ["a.dw", "12"]
    assert sum(map(int, layer[2:])) == pytest.approx(100, abs=2)
    assert "in doubt: d.dw not counted" in outcome.stdout


def test_classify_names_what_is_left_out(command, atlas, rng, tmp_path):
    blur = np.outer([1, 2, 1], [1, 2, 1]) / 16
    weights = {"dw.weight": rng.normal(size=(8, 1, 3, 3)), "pool.filt": np.stack([[blur]] * 8)}
    path = tmp_path / "net.safetensors"
    save_file({name: array.astype(np.float32) for name, array in weights.items()}, path)
    assert "left out: pool.filt not counted" in command("classify", path, "--atlas", atlas).stdout


def test_classify_says_that_it_uses_the_bundled_atlas(command, network):
    first = command("classify", network).stdout.splitlines()[0]
    assert "comes with kernel-atlas (3x3, 5x5; trained on efficientnet_lite0, " in first


def test_json_is_one_object_and_all_that_is_printed(command, network, atlas):
    outcome = command("classify", network, "--atlas", atlas, "--json")
    assert outcome.stderr == ""
    found = json.loads(outcome.stdout)
    assert set(found) == {"source", "atlas", "sizes", "layers", "weights", "in_doubt"}
    assert found["atlas"]["sizes"] == [3, 5]
    by_size = {row["kernel_size"]: row for row in found["sizes"]}
    assert by_size[5]["n_kernels"] == 12
    assert by_size[7]["clustered_percent"] is None
    assert sum(row["n"] for row in found["layers"]) == 20
    assert [row["name"] for row in found["weights"] if not row["counted"]] == ["d.dw"]
    assert "d.dw" in found["in_doubt"]


def test_csv_has_a_row_per_kernel(command, network, atlas, tmp_path):
    path = tmp_path / "kernels.csv"
    assert command("classify", network, "--atlas", atlas, "--csv", path).status == 0
    found = pd.read_csv(path)
    expected = Atlas.load(atlas).classify(network).kernels
    assert list(found) == list(expected)
    assert found["class"].tolist() == expected["class"].tolist()
    np.testing.assert_array_equal(found["code"].astype(np.float32), expected["code"])


@pytest.mark.parametrize(
    ("suffix", "start"), [("png", b"\x89PNG"), ("svg", b"<?xml"), ("PDF", b"%PDF")]
)
def test_plot_writes_the_format_of_the_suffix(command, network, atlas, tmp_path, suffix, start):
    paths = [tmp_path / f"plot{n}.{suffix}" for n in range(2)]
    for path in paths:
        assert command("classify", network, "--atlas", atlas, "--plot", path).status == 0
    contents = [path.read_bytes() for path in paths]
    assert contents[0].startswith(start)
    assert contents[0] == contents[1]


def test_options_choose_layers(command, network, atlas):
    def sizes(*options):
        outcome = command("classify", network, "--atlas", atlas, "--json", *options)
        return {row["kernel_size"] for row in json.loads(outcome.stdout)["sizes"]}

    assert sizes("--exclude", "a.*", "--exclude", "b.*") == {7}
    assert sizes("--weights", "b") == {3}
    assert "xyz" in command.refusal("classify", network, "--atlas", atlas, "--include", "xyz")


def test_describe_lists_each_weight(command, network):
    lines = command("describe", network).stdout.splitlines()
    assert lines[0].split() == ["weight", "shape", "counted", "why"]
    rows = {line.split()[0]: line.split()[1:3] for line in lines[1:]}
    assert rows["a.dw"] == ["12x1x5x5", "yes"]
    assert rows["d.dw"] == ["4x1x1x7", "no"]


def test_describe_asks_a_server_for_a_header_alone(command, serve, hub, checkpoint):
    outcome = command("describe", serve())
    assert "blocks.10.dw" in outcome.stdout
    assert hub.bytes_sent.bodies < checkpoint.path.stat().st_size / 100


def test_describe_of_a_sheet_is_the_table_of_its_rows(command, network, tmp_path):
    sheet = tmp_path / "sheet.tsv"
    sheet.write_text(
        f"model\tsource\trole\nnet_a\tfile:{network}\tclassify\nnet_b\tnone:lost\tclassify\n"
    )
    table = command("describe", sheet).stdout
    assert re.search(r"^net_a +classify +8 +12 +4 ", table, re.MULTILINE)
    assert "2 rows, 1 of them not extracted" in table


def test_info_and_export_tell_what_an_atlas_holds(command, atlas, tmp_path):
    text = command("info", atlas).stdout
    for part in ("kernel_atlas", __version__, "autoencoder", "k-means", "mine", "net_a", "0.250"):
        assert part in text
    assert "efficientnet_lite2" in command("info").stdout
    assert "config.yaml is missing" in command.refusal("export", tmp_path, tmp_path / "b.atlas")
    assert not (tmp_path / "b.atlas").exists()


def test_help_and_version(command):
    for arguments in (["--help"], ["-h"], ["classify", "--help"]):
        outcome = command(*arguments)
        assert (outcome.status, outcome.stderr) == (0, "")
        assert "SOURCE" in outcome.stdout
    assert command("--version").stdout == f"kernel-atlas, version {__version__}\n"


BAD = {
    "no source": (["classify"], "Missing argument 'SOURCE'"),
    "an unknown command": (["clasify", "x"], "No such command 'clasify'"),
    "an unknown option": (["classify", "x", "--fast"], "No such option '--fast'"),
    "a missing file": (["classify", "missing.pth"], "no such file"),
    "an unknown scheme": (["classify", "ftp://a/b"], "nor is it a source"),
    "a malformed source": (["classify", "hf:a"], "does not have the form"),
    "no weights": (["classify", "none:lost"], "does not name a file"),
    "no checkpoint": (["classify", "{tmp}/notes.txt"], "notes.txt"),
    "an empty file": (["classify", "{tmp}/empty"], "empty"),
    "no atlas": (["classify", "{net}", "--atlas", "missing.atlas"], "missing.atlas"),
    "a broken atlas": (["classify", "{net}", "--atlas", "{net}"], "is not a complete atlas"),
    "a folder that is no run": (["classify", "{net}", "--atlas", "{tmp}"], "config.yaml"),
    "no folder for csv": (["classify", "{net}", "--csv", "{tmp}/no/a.csv"], "there is no folder"),
    "a folder for csv": (["classify", "{net}", "--csv", "{tmp}"], "is not a regular file"),
    "a device for csv": (["classify", "{net}", "--csv", "/dev/null"], "is not a regular file"),
    "a plot of text": (["classify", "{net}", "--plot", "{tmp}/a.txt"], "must end with"),
    "a wrong checksum": (["classify", "{net}", "--sha256", "0" * 64], "wrong checksum"),
    "nothing to export": (["export", "missing", "{tmp}/a.atlas"], "missing"),
    "a file to export": (["export", "{net}", "{tmp}/a.atlas"], "net.safetensors"),
    "no folder to export to": (["export", "{tmp}", "{tmp}/no/a.atlas"], "there is no folder"),
    "no atlas to tell of": (["info", "{tmp}/notes.txt"], "is not a complete atlas"),
    "no sheet": (["describe", "{tmp}/none.tsv"], "no such file"),
    "a malformed sheet": (["describe", "{tmp}/bad.tsv"], "missing column"),
}


@pytest.mark.parametrize(("arguments", "message"), BAD.values(), ids=BAD)
def test_a_fault_of_the_user_is_one_line(command, network, tmp_path, arguments, message):
    (tmp_path / "notes.txt").write_text("notes\n")
    (tmp_path / "empty").touch()
    (tmp_path / "bad.tsv").write_text("name\tfile\na\tb\n")
    before = sorted(tmp_path.iterdir())
    filled = [argument.format(tmp=tmp_path, net=network) for argument in arguments]
    assert message in command.refusal(*filled)
    assert sorted(tmp_path.iterdir()) == before


def test_what_cannot_be_written_is_found_before_any_work(command, network, monkeypatch, tmp_path):
    monkeypatch.setattr(Atlas, "load", lambda *_: pytest.fail("work was done"))
    for option in ("--csv", "--plot"):
        command.refusal("classify", network, option, tmp_path / "missing/a.png")


def test_a_system_error_is_one_line(command, network, monkeypatch):
    def fail(*_):
        raise PermissionError(13, "Permission denied", "/secret")

    monkeypatch.setattr(Atlas, "load", fail)
    assert command.refusal("classify", network) == "Error: /secret: Permission denied"


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
        (["classify", "{net}", "--atlas", "{atlas}"], {"numpy", "pandas"}),
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


def test_the_21_cases_end_as_through_the_workflow(command, tmp_path, rng):
    """As tests/workflow/test_field.py says of the workflow; comparing is the workflow's alone."""
    atlas = tmp_path / "strict.atlas"  # nothing is clustered, so no member is fitted
    Atlas({n: replace(page, threshold=1e-6) for n, page in make_atlas(rng).pages.items()}).save(
        atlas
    )
    for case in make_cases(tmp_path / "field"):
        if case.role == "compare":
            continue
        options = [part for name, value in case.choice.items() for part in (f"--{name}", value)]
        call = ("classify", tmp_path / "field" / case.name, "--atlas", atlas, *options)
        if case.cause:
            assert case.cause in command.refusal(*call)
            continue
        outcome = command(*call, "--json")
        assert outcome.status == 0, outcome.stderr
        rows = json.loads(outcome.stdout)["weights"]
        assert {row["name"] for row in rows if row["counted"]} == set(case.layers)
        assert {row["name"] for row in rows if row["in_doubt"]} == set(case.doubt)
