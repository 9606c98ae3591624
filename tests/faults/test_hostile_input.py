"""Hostile input is refused in bounded time and memory, and nothing outside results/ is touched."""

import pickle
import resource
import zipfile

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file
from support import hostile as hostile_files
from support.hostile import Code, rezip, tensor, write_header
from support.project import Project

from kernel_atlas.sheet import MAX_ROWS

pytestmark = pytest.mark.slow

MAX_KB = 4_000_000  # mem_mb of extract_kernels
CAUSES = {
    "code": "mkdir, which is code and is never unpickled",
    "code_alone": "is a pickle that torch.save has not written",
    "gigabytes": "gigabytes.safetensors",
    "large": "large.safetensors",
    "product": "product.safetensors",
    "bomb": "bomb.pth is a compressed zip archive",
    "overlap": "its members overlap",
    "asks": "MB of memory",
    "expanded": "more than any network",
    "newline": "a name has at most",
    "way_out": "holds no file",
    "member": "checkpoint",
}
HEADER = b"model\tsource\trole\n"
BOMB = "\n".join(f"  x{i}: &x{i} [{', '.join([f'*x{i - 1}'] * 9)}]" for i in range(1, 12))


def outside(folder):
    """Size and time of all files around a project, except those that Snakemake writes."""
    own = {folder / "results", folder / ".snakemake", folder / "output.txt"}
    return {
        path: (path.lstat().st_size, path.lstat().st_mtime_ns)
        for path in folder.parent.rglob("*")
        if path.is_file() and not own & {path, *path.parents}
    }


@pytest.fixture(scope="module")
def attacked(tmp_path_factory):
    """A `run` that extracts hostile checkpoints and a good one; files `before` and `after` it."""
    project = Project(tmp_path_factory.mktemp("attacked") / "project")
    project.write_config()
    weights, mark = project / "weights", project / "code_has_run"
    torch.save({"state_dict": hostile_files.weights(), "x": Code(mark)}, weights / "code.pth")
    (weights / "code_alone.pth").write_bytes(pickle.dumps(Code(mark), protocol=2))
    write_header(weights / "gigabytes.safetensors", b"{}", length=4 << 30, size=5 << 30)
    large = tensor([1 << 30, 1, 2, 2], 0, 1 << 34)
    write_header(weights / "large.safetensors", {"dw.weight": large}, size=1 << 34)
    product = {"dw.weight": tensor([2**64 - 1] * 300_000, 0, 0)}
    write_header(weights / "product.safetensors", product)
    rezip(weights / "bomb.pth", zipfile.ZIP_DEFLATED, data=2_000)  # MiB
    rezip(weights / "asks.pth", data=hostile_files.large_array(20 << 30))
    hostile_files.overlap(weights / "overlap.pth", times=100)
    expanded = {"dw.weight": torch.zeros(1, 1, 1, 1).expand(10**9, 1, 7, 7)}
    torch.save(expanded, weights / "expanded.pth", _use_new_zipfile_serialization=False)
    kernels = np.random.default_rng(0).normal(size=(8, 1, 5, 5)).astype(np.float32)
    save_file({"a\nERROR: model good: x.weight": kernels}, weights / "newline.safetensors")
    rezip(weights / "member.pth")
    with zipfile.ZipFile(weights / "member.pth", "a") as archive:
        archive.writestr("../../outside.txt", b"x")
    save_file({"../../../outside.weight": kernels}, weights / "good.safetensors")
    paths = sorted(weights.iterdir())
    project.write_sheet(
        *((path.stem, f"file:weights/{path.name}", "train") for path in paths),
        ("way_out", "package:timm/../pip/__init__.py", "train"),
    )
    project.before = outside(project.folder)
    models = [*(path.stem for path in paths), "way_out"]
    project.run = project.snakemake(
        *(f"results/kernels.zarr/{model}/zarr.json" for model in models)
    )
    project.after = outside(project.folder)
    return project


@pytest.mark.fault(
    "Hostile checkpoints: pickles with code; .safetensors headers that claim 4 GiB, kernels of "
    "16 GiB or a shape of 300,000 numbers; zip bombs; names with ../ or newlines",
    holds="each refused in one line, in bounded time and memory; no code runs, nothing outside "
    "results/ is touched, no line is forged; other models go on",
)
@pytest.mark.parametrize("model", CAUSES)
def test_a_hostile_checkpoint(attacked, model):
    found = attacked.run.cause(model)
    assert CAUSES[model] in found
    assert len(found) < 1_000
    assert len(attacked.run.errors) == len(CAUSES)
    assert "Traceback" not in attacked.run.output
    assert (attacked / "results/kernels.zarr/good/k5").is_dir()
    assert attacked.after == attacked.before
    assert not (attacked / "code_has_run").exists()
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss < MAX_KB


def refused(folder, sheet=b"", config="sheets: [sheet.tsv]\n"):
    """The message with which snakemake refuses a sheet or a configuration before any job."""
    project = Project(folder / "project")
    (project / "sheet.tsv").write_bytes(sheet)
    (project / "my.yaml").write_text(config)
    before = outside(project.folder)
    run = project.snakemake()
    assert run.returncode != 0
    assert run.logged == []
    assert outside(project.folder) == before
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss < MAX_KB
    assert "Traceback" not in run.output
    assert len(run.output) < 100_000
    return run.output


sheet_fault = pytest.mark.fault(
    "A sheet of 100,000 rows, of binary rubbish, a device, ids with ../ or newlines",
    holds="refused before any job, in a few lines that say where the fault is",
)


@sheet_fault
@pytest.mark.parametrize(
    ("sheet", "message"),
    [
        (
            HEADER + b"".join(b"m%d\tfile:%d.pth\ttrain\n" % (i, i) for i in range(100_000)),
            f"sheet.tsv: 100,000 rows; Snakemake plans at most {MAX_ROWS:,} models",
        ),
        (
            HEADER + b"".join(b"../%d\tfile:%d.pth\ttrain\n" % (i, i) for i in range(9_000)),
            "... and 8,900 more",
        ),
        (np.random.default_rng(0).bytes(1 << 20), "not a readable UTF-8 model sheet"),
        (
            HEADER + b'"a\nb"\tfile:a\ttrain\n',
            "sheet.tsv, line 2, column model: '\"a' is not a safe",
        ),
    ],
    ids=["100,000 rows", "100,000 faults", "rubbish", "newline"],
)
def test_a_hostile_sheet(tmp_path, sheet, message):
    assert message in refused(tmp_path, sheet)


@sheet_fault
def test_a_device_as_sheet(tmp_path):
    output = refused(tmp_path, config="sheets: [/dev/zero]\n")
    assert "/dev/zero: not a readable UTF-8 model sheet (it is not a file)" in output


@pytest.mark.fault(
    "A configuration with YAML tags that call Python, or aliases that unfold to 10^11 values",
    holds="refused before any job, in bounded time and memory; no code runs",
)
@pytest.mark.parametrize(
    ("config", "message"),
    [
        ("figures: !!python/object/apply:os.mkdir [code_has_run]\n", "not valid JSON or YAML"),
        ("figures: {samples: !!python/name:os.mkdir }\n", "mkdir> is not of type 'integer'"),
        (f"sheets:\n  x0: &x0 [a]\n{BOMB}\n", "config: more than 10,000 values"),
        (f"labels:\n  x0: &x0 [a]\n{BOMB}\n", "config: more than 10,000 values"),
    ],
    ids=["apply", "name", "sheets", "labels"],
)
def test_a_hostile_configuration(tmp_path, config, message):
    assert message in refused(tmp_path, HEADER, config)
    assert not list(tmp_path.rglob("code_has_run"))
