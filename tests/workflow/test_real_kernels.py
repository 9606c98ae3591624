"""7x7 kernels of real networks, where the folder ../shared/weights stands beside the checkout."""

import pandas as pd
import pytest
import yaml
from support.project import REPOSITORY, Project

WEIGHTS = REPOSITORY.parent / "shared/weights"
FILES = ("fastvit_t8_int8", "mobileclip_s0_partial", "yolo12n_partial")


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    """The tables of a run that trains on the three files, by name."""
    if not WEIGHTS.is_dir():
        pytest.skip("the real 7x7 kernels are not there: no folder ../shared/weights")
    project = Project(tmp_path_factory.mktemp("real"))
    config = yaml.safe_load((REPOSITORY / "config.yaml").read_text(encoding="utf-8"))
    project.write_config(
        **config | {"autoencoder": config["autoencoder"] | {"sizes": [7], "device": "cpu"}}
        | {"kmeans": config["kmeans"] | {"sizes": []}, "sheets": ["sheet.tsv"]}
    )  # fmt: skip
    project.write_sheet(*((name, f"file:{WEIGHTS}/{name}.safetensors", "train") for name in FILES))
    run = project.snakemake()
    assert run.returncode == 0, run.output
    paths = (project / "results/tables").glob("*.tsv")
    return {path.stem: pd.read_csv(path, sep="\t") for path in paths}


def test_counts_the_kernels_of_each_file(tables):
    assert tables["clustered"].set_index("model")["n_kernels"].to_dict() == {
        "fastvit_t8_int8": 2496, "mobileclip_s0_partial": 1152, "yolo12n_partial": 704,
    }  # fmt: skip


def test_clusters_fastvit_and_not_chance(tables):
    clustered = tables["clustered"].set_index("model")
    assert clustered.loc["fastvit_t8_int8", "clustered_percent"] >= 90
    assert (clustered["random_percent"] == 0).all()


def test_each_pair_of_seeds_gives_the_same_classes(tables):
    stability = tables["stability"]
    pairs = stability[stability["seeds"].str.contains(",")]
    assert pairs["seeds"].tolist() == ["1, 2", "1, 3", "2, 3"]
    assert (pairs["same_class_percent"] >= 95).all(), pairs.to_string()


def test_each_class_looks_like_its_name(tables):
    means = tables["means_k7"]
    facts = means[["class", "axis", "n_kernels", "correlation"]].to_string()
    assert len(means) >= 6, facts
    assert (means["correlation"] >= 0.9).all(), facts
