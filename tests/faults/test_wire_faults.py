"""Faults over the wire: one clear line each, and the next call completes the work."""

import os
import threading

import pytest
from huggingface_hub import hf_hub_download
from safetensors.numpy import save_file
from support.hub import client_in_process
from support.jobs import EXTRACT, of_models
from support.misbehaviour import short_body
from support.project import make_weights
from support.repositories import TOKEN
from support.wired import (
    CONFIG,
    MOBILENET,
    assert_holds,
    open_group,
    serve_pickle,
    serve_timm,
)

pytestmark = pytest.mark.slow

CUT = "test_convnext3.r160_in1k"
GOOD = "mobilenetv3_small_075.lamb_in1k"

CAUSES = {
    "unknown": f"knows no model 'mobilenetv3_small_050.nobody'; similar: {MOBILENET}",
    "absent": "model.safetensors: the hub has no such repository",
    "lost": "lost.pth: the server answered 404, no such file",
    "gated": "model.safetensors is in a gated repository: ask for access on its page, then log in",
    "cut": "model.safetensors ",
    "damaged": "wrong checksum: damaged-00000000.pth",
}


LISTED = "results/tables/failed.tsv"


@pytest.fixture(scope="module")
def extracted(fresh, tmp_path_factory):
    """The project over the stand-in hub after the extraction of its models."""
    project = fresh.copy(tmp_path_factory.mktemp("extracted"))
    run = project.snakemake(LISTED)
    assert run.returncode == 0, run.output
    return project


@pytest.fixture(scope="module")
def broken(extracted, fresh, shared_hub, tmp_path_factory):
    """One run of that project with good and bad rows added, as `run`."""
    project = extracted.copy(tmp_path_factory.mktemp("broken"))
    files = fresh.files
    project.served = {
        "good": serve_timm(shared_hub, GOOD, files),
        "cut": serve_timm(shared_hub, CUT, files),
        "gated": make_weights([(5, 12)], seed=70),
    }
    cut = files / f"{CUT}.safetensors"
    os.truncate(cut, int(0.6 * cut.stat().st_size))
    del project.served["gated"]["head.weight"]
    save_file(project.served["gated"], files / "gated.safetensors")
    shared_hub.add_repo_file(
        "lab/gated", "model.safetensors", files / "gated.safetensors", gated=True
    )
    weights = make_weights([(5, 12)], seed=71)
    damaged = serve_pickle(shared_hub, "damaged", weights, files, digits="0" * 8)
    project.add_rows(
        ("unknown", "timm:mobilenetv3_small_050.nobody", "classify"),
        ("absent", "hf:lab/absent", "classify"),
        ("lost", f"{shared_hub.url}/releases/lost.pth", "classify"),
        ("gated", "hf:lab/gated", "classify"),
        ("cut", f"timm:{CUT}", "classify"),
        ("damaged", damaged, "classify"),
        ("good", f"timm:{GOOD}", "classify"),
    )
    project.run = project.snakemake(LISTED)
    return project


@pytest.mark.fault(
    "Models on servers: unknown, absent, 404, gated, cut off, damaged",
    holds="one line each that names model and cause",
)
@pytest.mark.parametrize("model", CAUSES)
def test_broken_model_gives_one_line_with_its_cause(broken, model):
    assert CAUSES[model] in broken.run.cause(model)


@pytest.mark.fault(
    "The same six beside a good one",
    holds="the good one comes through; the others are listed and leave no kernels",
)
def test_other_models_go_on(broken):
    assert "Traceback" not in broken.run.output
    assert len(broken.run.errors) == len(CAUSES)
    assert broken.table("failed")["model"].tolist() == list(CAUSES)
    assert not any(list(open_group(broken, model).group_keys()) for model in CAUSES)
    assert_holds(broken, "good", broken.served["good"])
    assert not list((broken / "results/downloads").iterdir())


@pytest.mark.fault(
    "A name that timm does not know, in a job of a cluster",
    holds="the same line as on one machine",
)
def test_job_of_a_cluster_gives_the_same_line(broken, tmp_path):
    run = broken.copy(tmp_path).snakemake(
        *("--mode", "remote", "--target-jobs", "extract_kernels:model=unknown", "--force"),
        *("--allowed-rules", "extract_kernels", "--nolock", "--latency-wait", "0"),
    )
    assert run.cause("unknown") == broken.run.cause("unknown")


@pytest.mark.fault(
    "Broken rows are mended: sheet, file, access",
    holds="`make retry` extracts just these models",
)
def test_only_mended_rows_are_extracted(broken, fresh, hub, tmp_path):
    """The sheet is corrected, the hub has the complete file, and the user has access."""
    project = broken.copy(tmp_path)
    project.environment = fresh.environment | {"HF_TOKEN": TOKEN}
    lines = (project / "sheet.tsv").read_text().replace("050.nobody", "050.lamb_in1k").splitlines()
    gone = ("absent\t", "lost\t", "damaged\t")
    (project / "sheet.tsv").write_text(
        "".join(f"{line}\n" for line in lines if not line.startswith(gone))
    )
    serve_timm(hub, CUT, fresh.files)
    mended = ["unknown", "gated", "cut"]
    run = project.retry(LISTED)
    assert run.returncode == 0, run.output
    assert project.table("failed").empty
    redone = [job for job in run.logged if job.startswith("extract")]
    assert redone == of_models(sorted(mended), EXTRACT)
    for model in ("gated", "cut"):
        assert_holds(project, model, broken.served[model])
    assert_holds(project, "unknown", fresh.served["mobilenet"])
    # the token goes only to the hub, and is written nowhere
    assert {r.server for r in hub.requests if r.had_authorization} == {"hub"}
    files = [path for path in project.folder.rglob("*") if path.is_file()]
    assert not [path for path in files if TOKEN.encode() in path.read_bytes()]


@pytest.mark.fault(
    "SIGKILL of a download that stalls half-way",
    holds="the next run fetches only the rest",
)
def test_killed_download_is_resumed_and_kept(extracted, fresh, hub, tmp_path):
    project = extracted.copy(tmp_path)
    project.write_config(**CONFIG, keep_downloads=True)
    weights = {"a.weight": make_weights([(9, 20_000)], seed=72)["blocks.0.dw.weight"]}
    project.add_rows(("large", serve_pickle(hub, "large", weights, fresh.files), "classify"))
    path = fresh.files / "large.pth"
    killed = threading.Event()

    def stall(request, answer):
        killed.wait()
        return answer(request)

    hub.misbehave("/large-", short_body, times=1)
    hub.misbehave("/large-", stall)
    target = "results/kernels.zarr/large/zarr.json"
    downloads = project / "results/downloads"
    run = project.kill_job("extract_kernels.py", lambda _: len(hub.requests) == 2, target)
    killed.set()
    assert run.returncode != 0
    assert not (project / target).exists()
    (partial,) = downloads.rglob("*.partial")
    came = partial.stat().st_size
    assert 0 < came < path.stat().st_size

    hub.behave()
    hub.reset_counts()
    assert project.snakemake(target).jobs == ["extract_kernels/large"]
    assert [request.range for request in hub.requests] == [f"bytes={came - 1}-"]
    assert hub.bytes_sent.bodies == path.stat().st_size - came + 1
    assert_holds(project, "large", weights)
    (kept,) = downloads.glob("*/*")
    assert kept.read_bytes() == path.read_bytes()

    before = project.contents("kernels.zarr/large/k9/**/*")
    hub.reset_counts()
    assert project.snakemake("--force", target).jobs == ["extract_kernels/large"]
    assert hub.bytes_sent.bodies == 0
    assert project.contents("kernels.zarr/large/k9/**/*") == before


@pytest.mark.fault(
    "No network allowed (HF_HUB_OFFLINE)",
    holds="one line, no request; with the file in the hub's cache it is read",
)
def test_offline(extracted, fresh, hub, tmp_path):
    weights = serve_timm(hub, GOOD, fresh.files)
    home = tmp_path / "home"
    project = extracted.copy(tmp_path / "project")
    project.environment = fresh.environment | {"HF_HOME": str(home), "HF_HUB_OFFLINE": "1"}
    project.add_rows(("offline", f"timm:{GOOD}", "classify"))
    target = "results/kernels.zarr/offline/zarr.json"
    run = project.snakemake(target)
    assert "HF_HUB_OFFLINE forbids" in run.cause("offline")
    assert hub.requests == []

    with client_in_process(hub, home):
        hf_hub_download(f"timm/{GOOD}", "model.safetensors")
    hub.reset_counts()
    run = project.snakemake("--force", target)
    assert run.jobs == ["extract_kernels/offline"], run.output
    assert hub.requests == []
    assert_holds(project, "offline", weights)
    assert len(open_group(project, "offline").attrs["revision"]) == 40
