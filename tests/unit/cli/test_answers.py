"""What the command prints and writes."""

import json
import re

import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import save_file
from support.field_cases import make_cases

from kernel_atlas import __version__
from kernel_atlas.atlas import Atlas


def test_classify_prints_percentages_and_layers(command, network, atlas):
    outcome = command("classify", network, "--atlas", atlas)
    assert (outcome.status, outcome.stderr) == (0, "")
    lines = outcome.stdout.splitlines()
    assert lines[0] == f"atlas: {atlas} (3x3, 5x5; trained on net_a)"
    assert lines[2].split()[:4] == ["size", "kernels", "dead", "of"]
    summary = Atlas.load(atlas).classify(network).summary.set_index("kernel_size")
    shares = {"near": "all", "clustered": "live", "matched": "live"}
    expected = [(size, name) for size in (3, 5) for name in shares] + [(7, "matched")]
    for (size, name), line in zip(expected, lines[3:], strict=False):
        row = summary.loc[size]
        cells = line.split()
        if name == "near" or size == 7:
            assert cells[:3] == [f"{size}x{size}", str(row["n_kernels"]), "0"]
            del cells[:3]
        assert cells[:3] == [name, shares[name], f"{row[f'{name}_percent']:.1f}"]
        chance = row[f"random_{name}_percent"]
        assert np.isnan(chance) or cells[-2] == f"{chance:.2f}"
    assert "7x7: 4 kernels, no codebook, matched only: the atlas has 3x3, 5x5 only" in lines
    assert "kernel-atlas export results/" in outcome.stdout
    by_either = [line.split() for line in lines if line.startswith("a.dw")]
    assert len(by_either) == 2
    for layer in by_either:
        assert layer[:2] == ["a.dw", "12"]
        assert sum(map(int, layer[2:])) == pytest.approx(100, abs=2)
    assert len([line for line in lines if line.startswith("c.dw")]) == 1
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
    assert 0 <= by_size[7]["matched_percent"] <= 100
    assert sum(row["n"] or 0 for row in found["layers"]) == 20
    assert sum(row["n_members"] for row in found["layers"]) == 24
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


def test_the_21_cases_end_as_through_the_workflow(command, atlas, tmp_path):
    """As tests/workflow/test_field.py says of the workflow; comparing is the workflow's alone."""
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
