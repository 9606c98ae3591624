"""Two runs at once: in one directory, and in two directories that share all caches."""

import shutil
from concurrent.futures import ThreadPoolExecutor

import pytest
from huggingface_hub import hf_hub_download
from support.hub import client_in_process
from support.project import RESULTS, Project
from support.wired import MOBILENET

pytestmark = pytest.mark.slow


@pytest.mark.fault(
    "A second run in the same directory while one is under way",
    holds="it is refused with one message, as is a third; the first ends with the same tables",
)
def test_second_run_in_the_same_directory(project, finished):
    shutil.rmtree(project / "results")
    shutil.rmtree(project / ".snakemake")

    def try_others(_, job):
        job.suspend()  # so that the first run cannot end meanwhile
        for _ in range(2):
            other = Project(project.folder, output="other.txt").snakemake()
            assert other.returncode != 0
            assert "no other Snakemake process" in other.output
            assert "Traceback" not in other.output
            assert "Job " not in other.output
        job.resume()

    run = project.run_until("train_autoencoder.py", lambda _: True, try_others)
    assert run.returncode == 0, run.output
    assert project.contents(*RESULTS) == finished.contents(*RESULTS)


@pytest.mark.fault(
    "Two runs at once in two directories that share the hub's cache and Snakemake's cache",
    holds="both have the right kernels; nothing in the hub's cache has changed",
)
def test_two_directories_on_one_cache(wired, hub, tmp_path):
    home = tmp_path / "home"
    with client_in_process(hub, home):
        hf_hub_download(f"timm/{MOBILENET}", "model.safetensors", revision="v1")
    cached = contents(home / "hub")
    hub.reset_counts()
    caches = {"HF_HOME": str(home), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    projects = [Project(tmp_path / name, wired.environment | caches) for name in ("one", "two")]
    for project in projects:
        for name in ("sheet.tsv", "my.yaml", "weights/local.pth"):
            shutil.copy2(wired / name, project / name)
    with ThreadPoolExecutor() as pool:
        runs = list(pool.map(lambda each: each.snakemake("--until", "extract_kernels"), projects))
    stored = wired.contents("kernels.zarr/*/k*/**/*")
    assert len(stored) > 20
    for project, run in zip(projects, runs, strict=True):
        assert run.returncode == 0, run.output
        assert project.contents("kernels.zarr/*/k*/**/*") == stored
    assert contents(home / "hub") == cached
    # neither run asked for the model that was in the cache
    assert not [request for request in hub.requests if MOBILENET in request.path]


def contents(folder):
    """The bytes of all files in a folder."""
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
