"""What may go wrong over the wire: one clear line each, and the next call makes it good."""

import os
import threading
import time

import pandas as pd
import pytest
from huggingface_hub import hf_hub_download
from safetensors.numpy import save_file
from support.hub import client_in_process
from support.misbehaviour import short_body
from support.project import make_weights
from support.repositories import TOKEN
from support.wired import (
    CONFIG,
    MOBILENET,
    assert_holds,
    jobs_of,
    open_group,
    serve_pickle,
    serve_timm,
    stored_models,
)

CUT = "test_convnext3.r160_in1k"
GOOD = "mobilenetv3_small_075.lamb_in1k"

CAUSES = {
    "unknown": f"knows no model 'mobilenetv3_small_050.nobody'; near: {MOBILENET}",
    "absent": "model.safetensors: the hub has no such repository",
    "lost": "lost.pth: the server answered 404, no such file",
    "gated": "model.safetensors is in a gated repository: ask for access on its page, then log in",
    "cut": "model.safetensors is no whole safetensors file",
    "damaged": "wrong checksum: damaged-00000000.pth",
}


def cut(path):
    """Cut off the end of a file."""
    os.truncate(path, int(0.6 * path.stat().st_size))


def found_in(folder, text):
    """The files in a folder that hold a text."""
    return [p for p in folder.rglob("*") if p.is_file() and text.encode() in p.read_bytes()]


@pytest.fixture(scope="module")
def broken(wired, shared_hub, tmp_path_factory):
    """One run of a finished project with good and bad rows added, as `run`."""
    project = wired.copy(tmp_path_factory.mktemp("broken"))
    project.served = {
        "good": serve_timm(shared_hub, GOOD, wired.files),
        "cut": serve_timm(shared_hub, CUT, wired.files),
        "gated": make_weights([(5, 12)], seed=70),
    }
    cut(wired.files / f"{CUT}.safetensors")
    del project.served["gated"]["head.weight"]
    save_file(project.served["gated"], wired.files / "gated.safetensors")
    shared_hub.add_repo_file(
        "lab/gated", "model.safetensors", wired.files / "gated.safetensors", gated=True
    )
    damaged = serve_pickle(
        shared_hub, "damaged", make_weights([(5, 12)], seed=71), wired.files, digits="0" * 8
    )
    project.add_rows(
        ("unknown", "timm:mobilenetv3_small_050.nobody", "classify"),
        ("absent", "hf:lab/absent", "classify"),
        ("lost", f"{shared_hub.url}/releases/lost.pth", "classify"),
        ("gated", "hf:lab/gated", "classify"),
        ("cut", f"timm:{CUT}", "classify"),
        ("damaged", damaged, "classify"),
        ("good", f"timm:{GOOD}", "classify"),
    )
    project.run = project.snakemake()
    return project


@pytest.mark.fault(
    "Models on servers: unknown, absent, 404, gated, cut off, damaged",
    holds="one line each that names model and cause",
)
@pytest.mark.parametrize("model", CAUSES)
def test_broken_model_gives_one_line_with_its_cause(broken, model):
    lines = [line for line in broken.run.errors if line.startswith(f"ERROR: model {model}: ")]
    assert len(lines) == 1, broken.run.output
    assert CAUSES[model] in lines[0]


@pytest.mark.fault(
    "The same six beside a good one",
    holds="the good one comes through; nothing is left of the others",
)
def test_other_models_go_on(broken, wired):
    assert broken.run.returncode != 0
    assert "Traceback" not in broken.run.output
    assert len(broken.run.errors) == len(CAUSES) + 1
    failed = pd.read_csv(broken / "results/tables/failed.tsv", sep="\t")
    assert failed["model"].tolist() == list(CAUSES)
    assert stored_models(broken) == {*stored_models(wired), "good"}
    assert_holds(broken, "good", broken.served["good"])
    assert (broken / "results/figures/good/layers.png").exists()
    assert not list((broken / "results/downloads").iterdir())


@pytest.mark.fault(
    "A name that timm does not know, in a job of a cluster",
    holds="the same line as on one machine",
)
def test_job_of_a_cluster_gives_the_same_line(broken, tmp_path):
    """There each job reads the sheet again, when timm has answered for all names but one."""
    run = broken.copy(tmp_path).snakemake(
        "--mode", "remote", "--target-jobs", "extract_kernels:model=unknown", "--force",
        "--allowed-rules", "extract_kernels", "--nolock", "--latency-wait", "0",
    )  # fmt: skip
    assert [line for line in broken.run.errors if "model unknown" in line] == run.errors, run.output


@pytest.mark.fault(
    "Broken rows are mended: sheet, file, access",
    holds="just these models are run",
)
def test_mended_rows_alone_are_finished(broken, wired, hub, tmp_path):
    """The sheet is corrected, the hub has the whole file, and the user has got access."""
    project = broken.copy(tmp_path)
    project.environment = wired.environment | {"HF_TOKEN": TOKEN}
    lines = (project / "sheet.tsv").read_text().replace("050.nobody", "050.lamb_in1k").splitlines()
    gone = ("absent\t", "lost\t", "damaged\t")
    (project / "sheet.tsv").write_text(
        "".join(f"{line}\n" for line in lines if not line.startswith(gone))
    )
    serve_timm(hub, CUT, wired.files)
    run = project.snakemake()
    assert run.returncode == 0, run.output
    per_model = ("extract_kernels", "classify_kernels", "plot_model")
    assert jobs_of(run) == sorted(
        [f"{rule}/{model}" for rule in per_model for model in ("unknown", "gated", "cut")]
        + ["resolve_timm", "summarise_classes", "plot_clustered", "plot_sweep", "plot_means/k5"]
        + ["list_failed", "check_extracted"]
    )
    for model in ("gated", "cut"):
        assert_holds(project, model, broken.served[model])
    assert_holds(project, "unknown", wired.served["mobilenet"])
    # the token goes to the hub alone, and is written nowhere
    assert {r.server for r in hub.requests if r.had_authorization} == {"hub"}
    assert found_in(project.folder, TOKEN) == []
    assert "Nothing to be done" in project.snakemake().output


@pytest.mark.fault(
    "SIGKILL of a download that stalls half-way",
    holds="the next run fetches the rest alone",
)
def test_killed_download_is_resumed_and_kept(wired, hub, tmp_path):
    project = wired.copy(tmp_path)
    project.write_config(**CONFIG, keep_downloads=True)
    assert project.snakemake().jobs == ["save_config"]

    weights = {"a.weight": make_weights([(9, 20_000)], seed=72)["blocks.0.dw.weight"]}
    project.add_rows(("large", serve_pickle(hub, "large", weights, wired.files), "classify"))
    path = wired.files / "large.pth"
    killed = threading.Event()

    def stall(request, answer):
        killed.wait(60)
        return answer(request)

    # half of the file comes, and then no more
    hub.misbehave("/large-", short_body, times=1)
    hub.misbehave("/large-", stall)
    downloads = project / "results/downloads"
    run = project.kill_job("extract_kernels.py", lambda _: len(hub.requests) == 2)
    killed.set()
    assert run.returncode != 0
    assert "large" not in stored_models(project)
    (partial,) = downloads.rglob("*.partial")
    came = partial.stat().st_size
    assert 0.3 * path.stat().st_size < came < 0.6 * path.stat().st_size

    hub.behave()
    hub.reset_counts()
    target = "results/kernels.zarr/large/zarr.json"
    assert project.snakemake(target).jobs == ["extract_kernels/large"]
    assert [request.range for request in hub.requests] == [f"bytes={came - 1}-"]
    assert hub.bytes_sent.bodies == path.stat().st_size - came + 1
    assert_holds(project, "large", weights)
    (kept,) = downloads.glob("*/*")
    assert kept.read_bytes() == path.read_bytes()

    before = project.contents("kernels.zarr/large/k9/**/*")
    hub.reset_counts()
    assert project.snakemake(target, "--forcerun", target).jobs == ["extract_kernels/large"]
    assert hub.bytes_sent.bodies == 0
    assert project.contents("kernels.zarr/large/k9/**/*") == before


@pytest.mark.fault(
    "No network allowed (HF_HUB_OFFLINE)",
    holds="one line at once, no request; with the file in the hub's cache it is read",
)
def test_offline(wired, hub, tmp_path):
    """Without the file on this machine one clear line; with it in the hub's cache no request."""
    weights = serve_timm(hub, GOOD, wired.files)
    home = tmp_path / "home"
    project = wired.copy(tmp_path / "project")
    project.environment = wired.environment | {"HF_HOME": str(home), "HF_HUB_OFFLINE": "1"}
    project.add_rows(("offline", f"timm:{GOOD}", "classify"))
    target = "results/kernels.zarr/offline/zarr.json"
    started_at = time.monotonic()
    run = project.snakemake(target)
    assert time.monotonic() - started_at < 30
    (line,) = run.errors
    assert line.startswith("ERROR: model offline: ")
    assert "not on this machine, and HF_HUB_OFFLINE forbids to fetch it" in line
    assert hub.requests == []

    with client_in_process(hub, home):
        hf_hub_download(f"timm/{GOOD}", "model.safetensors")
    hub.reset_counts()
    run = project.snakemake(target, "--forcerun", target)
    assert run.jobs == ["extract_kernels/offline"], run.output
    assert hub.requests == []
    assert_holds(project, "offline", weights)
    assert len(open_group(project, "offline").attrs["revision"]) == 40


@pytest.mark.fault(
    "Bad sources in the sheet",
    holds="one line each before any job",
)
def test_bad_sources_in_the_sheet_stop_before_any_job(wired, tmp_path):
    project = wired.copy(tmp_path)
    project.write_sheet(
        ("first", f"timm:{MOBILENET}", "train"),
        ("second", f"timm:{MOBILENET}", "train"),
        ("form", "hf:mobilenet", "classify"),
    )
    project.add_rows(("twin", f"timm:{MOBILENET}", "train"), duplicate_of="nobody")
    run = project.snakemake()
    assert run.returncode != 0
    assert run.logged == []
    for message in (
        "sheet.tsv, line 3, column source: the checkpoint of model first again",
        "line 4, column source: 'hf:mobilenet' has not the form hf:OWNER/REPO[@REVISION][:FILE]",
        "sheet.tsv, line 5, column duplicate_of: 'nobody' is no model of the sheet",
    ):
        assert run.output.count(message) == 1, run.output
    assert "Traceback" not in run.output
