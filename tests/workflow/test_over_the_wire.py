"""A sheet with sources of every scheme: described, read over the wire, and read only once."""

import re
import shutil

import pandas as pd
import pytest
from support.jobs import assert_plans, of_new_model, without_figures
from support.project import REPOSITORY, Project
from support.watch import undeclared_reads, watched
from support.wired import (
    MIXNET,
    MOBILENET,
    MODELS,
    RESNET,
    assert_holds,
    jobs_of,
    jobs_of_everything,
    open_group,
    serve_timm,
    stored_models,
)

LISTED = ["mixnet", "twin", "mobilenet", "plain", "pickle", "package", "local", "never"]
NEW = "mobilenetv3_small_100.lamb_in1k"


def test_runs_each_job_once(wired):
    assert jobs_of(wired.first) == jobs_of_everything()


@pytest.mark.parametrize("model", ["mixnet", "mobilenet", "plain", "pickle", "local"])
def test_stores_the_kernels_that_are_served(wired, model):
    assert_holds(wired, model, wired.served[model])


@pytest.mark.parametrize(("model", "name"), [("mixnet", MIXNET), ("mobilenet", MOBILENET)])
def test_few_bytes_are_read_and_their_origin_is_recorded(wired, model, name):
    own = [request for request in wired.requests if f"/{name}/" in request.path]
    facts = open_group(wired, model).attrs
    n_bytes = sum(request.body_bytes for request in own)
    assert n_bytes == facts["bytes_read"]
    assert n_bytes < 0.1 * (wired.files / f"{name}.safetensors").stat().st_size
    assert [request.method for request in own if request.server == "hub"] == ["HEAD"]
    assert f"timm/{name}/resolve/{facts['revision']}/" in facts["url"]


def test_tables_list_duplicates_and_what_was_never_released(wired):
    table = wired.table("clustered").set_index("model")
    assert table.index.tolist() == LISTED
    twin, mixnet = table.loc["twin"], table.loc["mixnet"]
    assert (twin["paper_percent"], twin["note"]) == (61.5, "the same checkpoint as mixnet")
    assert twin["difference"] == pytest.approx(twin["near_percent"] - 61.5, abs=1e-4)
    own = ["paper_percent", "difference", "note"]
    pd.testing.assert_series_equal(twin.drop(own), mixnet.drop(own), check_names=False)
    never = table.loc["never", ["n_kernels", "paper_percent", "note"]]
    assert never.tolist() == [0, 50, "never released"]
    assert table.drop(index=["twin", "never"])["note"].isna().all()
    assert wired.table("layers")["model"].unique().tolist() == LISTED[:-1]
    families = wired.table("families").set_index("family")
    assert families.loc["all", "n_models"] == len(MODELS)  # each checkpoint counts once
    paper = wired.table("paper_table3").set_index("model")
    assert paper.index.tolist() == ["twin", "never"]
    assert paper.loc["twin"].dropna().to_dict() == twin[list(paper)].dropna().to_dict()
    assert paper.loc["never"].dropna().to_dict() == {"paper_percent": 50}


def test_says_what_is_not_extracted(wired):
    lines = [line for line in wired.first.output.splitlines() if "Not extracted: " in line]
    assert [line.strip() for line in lines] == [
        "Not extracted: twin (the same checkpoint as mixnet)",
        "Not extracted: never (never released)",
    ]
    assert stored_models(wired) == {*MODELS, "resnet"}
    outcomes = wired.table("models").set_index("model")["outcome"]
    assert outcomes[["mixnet", "twin", "never"]].tolist() == ["extracted", "duplicate", "skipped"]


def test_compared_row_is_in_no_other_table_or_class(wired):
    assert "regular" in open_group(wired, "resnet").attrs["convolutions"]
    for table in ("training_set", "clustered", "layers", "families", "controls"):
        assert "resnet" not in (wired / f"results/tables/{table}.tsv").read_text()
    assert not (wired / "results/classes/resnet").exists()
    figures = {path.name for path in (wired / "results/figures/resnet").iterdir()}
    assert figures == {"slices.png", "slices.svg"}


def test_downloads_are_deleted(wired):
    fetched = [request.status for request in wired.requests if "/pickle-" in request.path]
    assert fetched == [200]
    assert not list((wired / "results/downloads").iterdir())


def test_second_run_asks_nothing(wired, hub):
    run = wired.snakemake()
    assert "Nothing to be done" in run.output
    assert hub.requests == []


def test_new_timm_row_asks_for_itself_only(wired, hub, tmp_path):
    weights = serve_timm(hub, NEW, wired.files)
    project = wired.copy(tmp_path)
    project.add_rows(("new", f"timm:{NEW}", "classify"))
    assert_plans(project, ["resolve_timm", *without_figures(of_new_model("new", sizes=[5]))])
    run = project.snakemake("--until", "extract_kernels")
    assert jobs_of(run) == ["extract_kernels/new", "resolve_timm"]
    assert {NEW in request.path for request in hub.requests} == {True}
    assert_holds(project, "new", weights)


@pytest.fixture(scope="module")
def described(wired, shared_hub, tmp_path_factory):
    """The same sheet, described before anything is fetched, with its `requests`."""
    folder = tmp_path_factory.mktemp("described")
    project = Project(folder / "project", watched(wired.environment, folder / "watch"))
    for path in ("sheet.tsv", "my.yaml", "weights/local.pth"):
        shutil.copy(wired / path, project / path)
    shared_hub.reset_counts()
    project.run = project.snakemake("describe")
    project.requests = shared_hub.requests
    return project


def test_description_agrees_with_the_later_extraction(described, wired):
    assert described.run.returncode == 0, described.run.output
    assert jobs_of(described.run) == ["describe", "resolve_timm"]
    table = described.table("sources").set_index("model")
    assert table.index.tolist() == [*LISTED[:-1], "resnet", "never"]
    sizes = [name for name in table if re.fullmatch(r"k\d+", name)]
    for model in set(MODELS) - {"pickle"}:
        group = open_group(wired, model)
        counts = {name: group[name]["kernels"].shape[0] for name in group.group_keys()}
        assert table.loc[model, sizes].to_dict() == {name: counts.get(name, 0) for name in sizes}
    for model in ("mixnet", "mobilenet", "pickle"):
        read_mb = open_group(wired, model).attrs["bytes_read"] / 1e6
        assert table.loc[model, "wire_mb"] == pytest.approx(read_mb, rel=0.5)
    assert table.loc[["pickle", "resnet"], sizes].isna().all(axis=None)
    text = (described / "results/tables/sources.txt").read_text()
    assert "9 rows, 2 of them not extracted" in text


def test_describe_fetches_no_kernels(described):
    assert not (described / "results/kernels.zarr").exists()
    assert not (described / "results/downloads").exists()
    asked = {request.range for request in described.requests if request.method == "GET"}
    assert asked == {"bytes=0-99999", "bytes=0-0"}  # headers, and the size of the pickle
    timm_names = (MIXNET, RESNET)
    assert not any(name in r.path for r in described.requests for name in timm_names)


def test_rules_read_only_what_they_declare(finished, wired, described):
    stages = set(REPOSITORY.glob("rules/*.smk")) - set(REPOSITORY.glob("rules/experiment*.smk"))
    text = "\n".join(path.read_text() for path in stages)
    rules = set(re.findall(r"^rule (\w+):", text, re.MULTILINE))
    # the sources of the sheet, the store that a group is added to, and large downloads
    allowed = {
        "extract_kernels": ("weights/", "results/kernels.zarr", "results/downloads"),
        "describe": ("weights/",),
    }
    seen = set()
    for project in (finished, wired, described):
        for rule, paths in undeclared_reads(project):
            assert [path for path in paths if not path.startswith(allowed.get(rule, ()))] == [], (
                rule
            )
            seen.add(rule)
    assert rules <= seen
