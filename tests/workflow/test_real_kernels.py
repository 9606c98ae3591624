"""7x7 kernels of real networks, where the folder ../shared/weights stands beside the checkout."""

import pandas as pd
import pytest
import yaml
from atlas_project import REPOSITORY, Project

WEIGHTS = REPOSITORY.parent / "shared/weights"
FILES = ("fastvit_t8_int8", "mobileclip_s0_partial", "yolo12n_partial")


@pytest.fixture(scope="module")
def clustered(tmp_path_factory):
    """The table clustered.tsv of a run that trains on the three files, by model and size."""
    if not WEIGHTS.is_dir():
        pytest.skip("the real 7x7 kernels are not there: no folder ../shared/weights")
    project = Project(tmp_path_factory.mktemp("real"))
    config = yaml.safe_load((REPOSITORY / "config.yaml").read_text(encoding="utf-8"))
    project.write_config(
        **config | {"autoencoder": config["autoencoder"] | {"sizes": [7], "device": "cpu"}}
        | {"sheets": ["sheet.tsv"]}
    )  # fmt: skip
    project.write_sheet(*((name, f"file:{WEIGHTS}/{name}.safetensors", "train") for name in FILES))
    run = project.snakemake()
    assert run.returncode == 0, run.output
    table = pd.read_csv(project / "results/tables/clustered.tsv", sep="\t")
    return table.set_index(["model", "kernel_size"])


def test_counts_the_kernels_of_each_file(clustered):
    counts = clustered["n_kernels"].xs(7, level="kernel_size")
    assert counts.to_dict() == {
        "fastvit_t8_int8": 2496, "mobileclip_s0_partial": 1152, "yolo12n_partial": 704,
    }  # fmt: skip


def test_clusters_fastvit_and_not_chance(clustered):
    assert clustered.loc[("fastvit_t8_int8", 7), "clustered_percent"] >= 85
    assert (clustered["random_percent"].xs(7, level="kernel_size") <= 0.1).all()
