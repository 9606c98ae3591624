"""Two runs at once: in one directory, and in two directories that share all caches."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from huggingface_hub import hf_hub_download
from support.hub import client_in_process
from support.project import RESULTS, SHOWING, Project
from support.wired import MOBILENET, assert_holds

pytestmark = pytest.mark.slow

TABLE = "results/tables/clustered.tsv"


@pytest.mark.fault(
    "A second run in the same directory while one is under way",
    holds="it is refused with one message, as is a third; the first ends with the same tables",
)
def test_second_run_in_the_same_directory(tmp_path):
    project = Project(tmp_path / "disturbed", without=SHOWING)
    project.write_config(autoencoder={"sizes": [5], "epochs": 20}, kmeans={"sizes": []})
    source = project.write_weights("train.safetensors", [(5, 120)], seed=10)
    project.write_sheet(("train", source, "train"))
    undisturbed = project.copy(tmp_path / "undisturbed")
    assert undisturbed.snakemake(TABLE).returncode == 0

    def try_others(_, job):
        job.suspend()  # so that the first run cannot end meanwhile
        for _ in range(2):
            other = Project(project.folder, output="other.txt").snakemake()
            assert other.returncode != 0
            assert "no other Snakemake process" in other.output
            assert "Traceback" not in other.output
            assert "Job " not in other.output
        job.resume()

    run = project.run_until("train_autoencoder.py", lambda _: True, try_others, TABLE)
    assert run.returncode == 0, run.output
    assert project.contents(*RESULTS) == undisturbed.contents(*RESULTS)


@pytest.mark.fault(
    "Two runs at once in two directories that share the hub's cache and Snakemake's cache",
    holds="both have the right kernels; nothing in the hub's cache has changed",
)
def test_two_directories_on_one_cache(fresh, hub, tmp_path):
    home = tmp_path / "home"
    with client_in_process(hub, home):
        hf_hub_download(f"timm/{MOBILENET}", "model.safetensors", revision="v1")
    cached = contents(home / "hub")
    hub.reset_counts()
    caches = {"HF_HOME": str(home), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    projects = [fresh.copy(tmp_path / name) for name in ("one", "two")]
    for project in projects:
        project.environment = fresh.environment | caches
    with ThreadPoolExecutor() as pool:
        runs = list(pool.map(lambda each: each.snakemake("--until", "extract_kernels"), projects))
    for project, run in zip(projects, runs, strict=True):
        assert run.returncode == 0, run.output
        for model in ("mixnet", "mobilenet", "plain", "pickle", "local"):
            assert_holds(project, model, fresh.served[model])
    one, two = (project.contents("kernels.zarr/*/k*/**/*") for project in projects)
    assert one == two
    assert contents(home / "hub") == cached
    # neither run asked for the model that was in the cache
    assert not [request for request in hub.requests if MOBILENET in request.path]


def contents(folder):
    """The bytes of all files in a folder."""
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
