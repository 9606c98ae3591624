"""The command and the library on a finished run: the same classes, kernel by kernel."""

import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from support.jobs import MODELS, SIZES
from support.project import make_weights

import kernel_atlas
from kernel_atlas.atlas import Atlas

WEIGHTS = {"alpha": "alpha.safetensors", "beta": "beta.pth", "gamma": "gamma.pth.tar"}


@pytest.fixture(scope="module")
def exported(finished, tmp_path_factory):
    """The atlas of the finished run in a file, written by the command."""
    path = tmp_path_factory.mktemp("exported") / "my.atlas"
    run("export", finished / "results", path)
    return path


def run(*arguments):
    """Call the command in a process of its own; what it prints."""
    command = [sys.executable, "-m", "kernel_atlas", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@pytest.mark.parametrize("model", MODELS)
def test_classify_gives_the_rows_of_the_class_table(finished, exported, model):
    weights = finished / "weights" / WEIGHTS[model]
    result = kernel_atlas.classify(weights, exported)
    for size in SIZES:
        stored = pd.read_parquet(finished / f"results/classes/{model}/k{size}.parquet")
        assert (size in result.classes) == bool(len(stored))
        if len(stored):
            pd.testing.assert_frame_equal(result.classes[size], stored, check_exact=True)
            rows = result.kernels.query("kernel_size == @size")
            texts = ["layer", "class", "member", "folded_class"]
            for name in stored.columns.difference(texts):
                np.testing.assert_array_equal(rows[name], stored[name])


def test_an_exported_atlas_is_that_of_the_run(finished, exported, tmp_path):
    atlases = [Atlas.load(finished / "results"), Atlas.load(exported)]
    assert [atlas.sizes for atlas in atlases] == [SIZES, SIZES]
    (of_run, of_file) = ([atlas.sections[size] for size in SIZES] for atlas in atlases)
    for one, other in zip(of_run, of_file, strict=True):
        assert one.codebook.kernels.tobytes() == other.codebook.kernels.tobytes()
        assert one.random_percents == other.random_percents
    atlases[0].save(tmp_path / "again.atlas")
    assert (tmp_path / "again.atlas").read_bytes() == exported.read_bytes()


def test_the_command_counts_as_the_tables_do(finished, exported):
    weights = finished / "weights" / WEIGHTS["beta"]
    for atlas in (exported, finished / "results"):
        found = json.loads(run("classify", weights, "--atlas", atlas, "--json"))
        table = finished.table("clustered").query("model == 'beta'").set_index("kernel_size")
        for row in found["sizes"]:
            expected = table.loc[row["kernel_size"]]
            for name in ("near", "clustered", "matched"):
                assert row[f"n_{name}"] == expected[f"n_{name}"]
                percent = f"{name}_percent"
                assert row[percent] == pytest.approx(expected[percent], abs=1e-4)
        layers = finished.table("layers").query("model == 'beta'")
        for count in ("n", "n_members"):
            assert [row[count] for row in found["layers"]] == layers[count].tolist()


def test_a_state_dict_needs_no_file(exported):
    state = make_weights([(5, 60), (3, 60), (5, 60), (7, 60)], seed=20)  # of beta
    result = kernel_atlas.classify(state, exported)
    assert result.summary["n_kernels"].tolist() == [60, 120, 60]
