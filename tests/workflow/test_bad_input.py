"""Bad input gives one clear line that names what is wrong, and the other models go on."""

import os
import pickle
import re

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.numpy import save_file
from support.project import make_weights


class Code:
    """Makes a file when it is unpickled."""

    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return os.mkdir, (str(self.marker),)


def spoil(path, value):
    """Write a checkpoint with one bad weight in layer blocks.1.dw."""
    weights = make_weights([(3, 12), (5, 12)], seed=1)
    weights["blocks.1.dw.weight"][7, 0, 2, 2] = value
    save_file(weights, path)


def truncate(path, share=0.6):
    """Cut off the end of a file."""
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])


@pytest.fixture(scope="module")
def broken(finished, tmp_path_factory):
    """One run of a finished project with good and bad rows added, as `run`."""
    project = finished.copy(tmp_path_factory.mktemp("broken"))
    weights = project / "weights"
    layers = [(5, 24), (7, 24)]
    for name in ("good.safetensors", "checksum.safetensors", "cut.safetensors", "cut.pth"):
        project.write_weights(name, layers)
    truncate(weights / "cut.safetensors")
    truncate(weights / "cut.pth")
    spoil(weights / "nan.safetensors", np.nan)
    spoil(weights / "infinite.safetensors", np.inf)
    project.write_weights("dense.pth", [])
    marker = project / "code_has_run"
    state = {"blocks.0.dw.weight": torch.ones(4, 1, 5, 5)}
    torch.save({"state_dict": state, "code": Code(marker)}, weights / "code.pth")
    (weights / "code_alone.pth").write_bytes(pickle.dumps(Code(marker), protocol=2))
    (weights / "code_new.pth").write_bytes(pickle.dumps(Code(marker), protocol=4))
    project.add_rows(
        ("missing", "file:weights/missing.pth", "classify"),
        ("checksum", "file:weights/checksum.safetensors", "classify", "0" * 64),
        ("cut", "file:weights/cut.safetensors", "classify"),
        ("cut_pickle", "file:weights/cut.pth", "classify"),
        ("code", "file:weights/code.pth", "classify"),
        ("code_alone", "file:weights/code_alone.pth", "classify"),
        ("code_new", "file:weights/code_new.pth", "classify"),
        ("nan", "file:weights/nan.safetensors", "classify"),
        ("infinite", "file:weights/infinite.safetensors", "classify"),
        ("dense", "file:weights/dense.pth", "classify"),
        ("good", "file:weights/good.safetensors", "classify"),
    )
    project.run = project.snakemake()
    return project


CAUSES = {
    "missing": "no such file: ",
    "checksum": "wrong checksum: ",
    "cut": "cut.safetensors is no whole safetensors file",
    "cut_pickle": "cut.pth is no whole checkpoint",
    "code": "code.pth holds .*mkdir, which is code and is never unpickled",
    "code_alone": "code_alone.pth holds .*mkdir, which is code and is never unpickled",
    "code_new": "code_new.pth ",
    "nan": r"layer blocks\.1\.dw: 1 of 12 kernels hold NaN or infinite .*channel 7",
    "infinite": r"layer blocks\.1\.dw: 1 of 12 kernels hold NaN or infinite .*channel 7",
    "dense": "dense.pth has no depthwise kernel",
}


@pytest.mark.parametrize("model", CAUSES)
def test_broken_model_gives_one_line_with_its_cause(broken, model):
    lines = [line for line in broken.run.errors if line.startswith(f"ERROR: model {model}: ")]
    assert len(lines) == 1, broken.run.output

    assert re.search(CAUSES[model], lines[0])


def test_results_are_made_of_the_others(broken):
    assert broken.run.returncode != 0
    assert "Traceback" not in broken.run.output
    assert len(broken.run.errors) == len(CAUSES) + 1
    assert broken.run.errors[-1].startswith(
        f"ERROR: {len(CAUSES)} of {len(CAUSES) + 4} models could not be extracted (missing: no such"
    )
    assert (broken / "results/figures/good/layers.png").exists()
    table = pd.read_csv(broken / "results/tables/clustered.tsv", sep="\t")
    assert table["model"].unique().tolist() == ["alpha", "beta", "gamma", "good"]
    stored = {path.name for path in (broken / "results/kernels.zarr").iterdir() if path.is_dir()}
    assert stored == {"alpha", "beta", "gamma", "good"}


def test_failed_models_are_listed_with_their_causes(broken):
    failed = pd.read_csv(broken / "results/tables/failed.tsv", sep="\t", index_col="model")
    lines = [f"ERROR: model {model}: {cause}" for model, cause in failed["cause"].items()]
    assert sorted(lines) == sorted(broken.run.errors[:-1])


def test_code_in_a_pickle_never_runs(broken):
    assert not (broken / "code_has_run").exists()
    # torch's own advice is to switch its safeguard off
    assert "weights_only" not in broken.run.output
    torch.load(broken / "weights/code.pth", weights_only=False)  # the test's code does work
    assert (broken / "code_has_run").exists()


def test_broken_update_leaves_the_tables_and_is_not_forgotten(project):
    truncate(project / "weights/gamma.pth.tar")
    run = project.snakemake()
    assert {"summarise_classes", "plot_clustered"} <= set(run.logged)
    for _ in range(2):
        assert run.returncode != 0
        assert [line.split(" (")[0] for line in run.errors] == [
            "ERROR: model gamma: gamma.pth.tar is no whole checkpoint",
            "ERROR: 1 of 3 models could not be extracted",
        ]
        table = pd.read_csv(project / "results/tables/clustered.tsv", sep="\t")
        assert set(table["model"]) == {"alpha", "beta"}
        run = project.snakemake()
        assert run.logged == ["check_extracted", "extract_kernels/gamma", "list_failed"]


def test_dry_run_after_a_failure_tells_what_is_tried_again(project):
    project.add_rows(("missing", "file:weights/missing.pth", "classify"))
    assert project.snakemake().returncode != 0
    output = project.snakemake("--dry-run").output
    extractions = re.findall(r"Extracting the kernels of (\w+)\n *Reason: (.*)", output)
    assert extractions == [
        ("missing", "Missing output files: results/kernels.zarr/missing/zarr.json")
    ]
    assert "Classifying" not in output  # not known before that


def test_training_goes_on_without_a_broken_train_row(project):
    project.add_rows(("missing", "file:weights/missing.pth", "train"))
    before = project.contents("autoencoder/*/*", "labels/*")
    run = project.snakemake()
    assert run.returncode != 0
    # the others are those that the codebooks were fitted to
    tried = ["check_extracted", "extract_kernels/missing", "list_failed"]
    assert run.logged == [*tried, "plot_clustered", "plot_sweep", "summarise_classes"]
    assert project.contents("autoencoder/*/*", "labels/*") == before
    assert project.snakemake().logged == tried


def test_without_any_train_model_nothing_is_classified(project):
    for name in ("alpha.safetensors", "beta.pth"):
        truncate(project / "weights" / name)
    for _ in range(2):
        run = project.snakemake()
        assert run.returncode != 0
        assert run.logged == ["extract_kernels/alpha", "extract_kernels/beta", "list_failed"]
        assert "no model with role 'train' could be extracted, so nothing can be" in run.output
        failed = pd.read_csv(project / "results/tables/failed.tsv", sep="\t")
        assert failed["model"].tolist() == ["alpha", "beta"]


def test_train_row_without_a_clustered_size_is_refused(project):
    source = project.write_weights("nine.safetensors", [(9, 12)])
    project.add_rows(("nine", source, "train"))
    run = project.snakemake()
    assert run.returncode != 0
    assert len(run.errors) == 1
    assert "model nine, column role: 'train', but it has no kernels of size" in run.errors[0]
    assert {"extract_kernels/nine", "list_training_set"} <= set(run.logged)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"autoencoder": {"epoch": 3}}, r"autoencoder.epoch: unknown key (did you mean 'epochs'?)"),
        ({"tresholds": {"k5": 0.2}}, "tresholds: unknown key (did you mean 'thresholds'?)"),
        ({"thresholds": {"k5": 2.5}}, "thresholds.k5: 2.5 is greater than the maximum of 2"),
        ({"labels": {"k5": "absent.tsv"}}, "labels.k5: no such file: "),
        (
            {"merge": {"on_cross": "other"}},
            "merge.on_cross: 'other' is no class that can be merged",
        ),
        ({"sheets": ["absent.tsv"]}, "absent.tsv: no such model sheet"),
    ],
)
def test_bad_config_stops_before_any_job(project, changes, message):
    project.write_config(**changes)
    assert_refused(project, message)


def test_bad_sheet_stops_before_any_job(project):
    project.write_sheet(
        ("alpha", "file:weights/alpha.safetensors", "classify"),
        ("Alpha", "file:weights/beta.pth", "classify"),
        ("a/b", "file:weights/beta.pth", "classify"),
        ("beta", "ftp:weights/beta.pth", "classify"),
        ("gamma", "file:weights/gamma.pth.tar", "teach"),
    )
    assert_refused(
        project,
        "sheet.tsv, line 3, column model: duplicate id 'Alpha', first used in sheet.tsv, line 2",
        "sheet.tsv, line 4, column model: 'a/b' is no safe file name",
        "sheet.tsv, line 5, column source: unknown source scheme in 'ftp:weights/beta.pth'",
        "sheet.tsv, line 6, column role: unknown role 'teach' (known: train, classify, compare)",
        "column role: no row is 'train'",
    )


def assert_refused(project, *messages):
    """Snakemake stops with these messages, before any job and without a traceback."""
    run = project.snakemake()
    assert run.returncode != 0
    assert run.logged == []
    for message in messages:
        assert run.output.count(message) == 1, run.output
    assert "Traceback" not in run.output
