"""Checkpoints as people have them, through the workflow: tables, causes and warnings."""

import subprocess
import sys

import numpy as np
import pytest
from support.field_cases import make_cases
from support.project import Project

from kernel_atlas.extraction.store import read_kernels

pytestmark = pytest.mark.slow  # an extraction for each of 44 files

TABLES = [f"results/tables/{name}.tsv" for name in ("weights", "failed", "models")]

# What is right for the files of ../shared/field/make_cases.py: layers with their numbers of
# kernels, "" for a refusal; how many candidates are in doubt; a part of the cause.
SHARED = {
    "pruned.pth": ("0: 24", 0, ""),
    "blur.pth": ("dw: 24", 0, ""),
    "diffusion.pth": ("denoise_fn.dw: 24", 0, ""),
    "grey.pth": ("dw: 24", 2, ""),
    "grey_only.pth": ("", 0, "conv1: perhaps a regular convolution of one channel"),
    "mm_ema.pth": ("ema_backbone_block1_0_conv_dw_weight: 24", 1, ""),
    "lightning_ema.ckpt": ("ema_model.dw: 24", 1, ""),
    "compiled.ckpt": ("uncompiled_model.0: 24", 0, ""),
    "compiled.safetensors": ("model.0: 24", 0, ""),
    "vit.pth": ("patch: 48", 0, ""),
    "model-00001-of-00001.safetensors": ("dw: 24", 0, ""),
    "protocol4.pth": ("dw: 24", 0, ""),
    "dit.pt": ("dw: 24", 0, ""),
    "empty_ema.pth": ("dw: 24", 0, ""),
    "loss.pth": ("dw: 24", 0, ""),
    "basicsr.pth": ("dw: 24", 0, ""),
    "net.pth": ("dw: 24", 0, ""),
    "own_key.pth": ("", 0, "keys that hold tensors: weights_of_mine. Name one in weights"),
    "numpy_scalar.pth": ("dw: 24", 0, ""),
    "NET.SAFETENSORS": ("dw: 24", 0, ""),
    "blob0123": ("dw: 24", 0, ""),
}


@pytest.fixture(scope="module")
def field(tmp_path_factory, repository):
    """A project with a row for each case and each shared file, after a run up to the tables."""
    project = Project(tmp_path_factory.mktemp("field"))
    project.write_config()
    cases = make_cases(project / "weights/own")
    project.cases = {f"own_{number}": case for number, case in enumerate(cases)}
    train = project.write_weights("train.safetensors", [(5, 12)]).removeprefix("file:weights/")
    rows = [("train", train, "train", {})]
    rows += [(n, f"own/{case.name}", case.role, case.choice) for n, case in project.cases.items()]
    script = repository.parent / "shared/field/make_cases.py"
    if script.is_file():
        target = project / "weights/shared"
        subprocess.run([sys.executable, script, target], check=True, stdout=subprocess.DEVNULL)
        roles = {"vit.pth": "compare"}
        rows += [
            (f"shared_{number}", f"shared/{name}", roles.get(name, "classify"), {})
            for number, name in enumerate(SHARED)
        ]
    columns = ("weights", "include", "exclude")
    lines = ["\t".join(("model", "source", "role", *columns))]
    for model, path, role, choice in rows:
        cells = (choice.get(column, "") for column in columns)
        lines.append("\t".join((model, f"file:weights/{path}", role, *cells)))
    (project / "sheet.tsv").write_text("\n".join(lines) + "\n")
    project.run = project.snakemake(*TABLES)
    assert project.run.returncode == 0, project.run.output
    return project


@pytest.fixture(scope="module")
def shared(field, repository):
    """The rows of the shared files, if they are here."""
    if not (field / "weights/shared").is_dir():
        pytest.skip("no shared cases here: ../shared/field/make_cases.py is absent")
    return {f"shared_{number}": right for number, right in enumerate(SHARED.values())}


def warnings_of(project, model):
    start = f"WARNING: model {model}: "
    return [line for line in project.run.output.splitlines() if line.startswith(start)]


def test_each_case_ends_as_it_should(field):
    candidates = field.table("weights").set_index("model")
    failed = field.table("failed").set_index("model")["cause"]
    for model, case in field.cases.items():
        assert (model in failed) == bool(case.cause), model
        if case.cause:
            assert case.cause in failed[model] == field.run.cause(model)
            continue
        rows = candidates.loc[[model]].set_index("layer")
        assert set(rows.index) == {*case.layers, *case.left, *case.doubt}
        assert set(rows.index[rows["counted"]]) == set(case.layers)
        assert set(rows.index[rows["in_doubt"]]) == set(case.doubt)
        for layer, words in (case.left | case.doubt).items():
            assert words in rows["why"][layer]


def test_the_store_holds_the_kernels_of_each_case(field):
    for model, case in field.cases.items():
        if case.cause or case.role == "compare":
            continue
        group = field / f"results/kernels.zarr/{model}"
        sizes = {weight.shape[-1] for weight in case.layers.values()}
        for size in sizes:
            found = read_kernels(group, size)
            for info in found.layers:
                own = found.kernels[found.layer == info.index]
                if info.kernel_size == size:
                    np.testing.assert_array_equal(own, case.layers[info.name][:, 0].numpy())


def test_a_model_in_doubt_gets_one_warning_that_names_it(field):
    for model, case in field.cases.items():
        lines = warnings_of(field, model)
        assert len(lines) == bool(case.doubt), model
        for layer in case.doubt:
            assert layer in lines[0]


def test_columns_are_in_the_table_of_models(field):
    models = field.table("models").set_index("model").astype(object).fillna("")
    for model, case in field.cases.items():
        for column in ("weights", "include", "exclude"):
            assert models[column][model] == case.choice.get(column, "")
    assert "Traceback" not in field.run.output


def test_the_shared_cases(field, shared):
    candidates = field.table("weights").set_index("model")
    failed = field.table("failed").set_index("model")["cause"]
    for model, (layers, n_doubts, cause) in shared.items():
        if cause:
            assert cause in failed[model]
            continue
        rows = candidates.loc[[model]]
        assert rows["in_doubt"].sum() == n_doubts == len(warnings_of(field, model)) * n_doubts
        counted = rows[rows["counted"]]
        (name,) = counted["layer"]
        size = int(counted["shape"].iloc[0].rpartition("x")[2])
        found = read_kernels(field / f"results/kernels.zarr/{model}", size)
        assert f"{name}: {len(found.kernels)}" == layers, model
