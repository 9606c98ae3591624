"""7x7 kernels of real networks, where the folder ../shared/weights stands beside the checkout.

How a training ends depends on the machine, so percentages are only bounded, with a margin.
"""

import pytest
import yaml
from support.project import REPOSITORY, Project

pytestmark = pytest.mark.slow

N_KERNELS = {"fastvit_t8_int8": 2496, "mobileclip_s0_partial": 1152, "yolo12n_partial": 704}


@pytest.fixture(scope="module")
def real(real_weights, tmp_path_factory):
    """The project after a run that trains on the three files."""
    paths = {name: real_weights(name) for name in N_KERNELS}
    project = Project(tmp_path_factory.mktemp("real"))
    config = yaml.safe_load((REPOSITORY / "config.yaml").read_text(encoding="utf-8"))
    config["autoencoder"] |= {"sizes": [7], "device": "cpu"}
    config["kmeans"]["sizes"] = []
    project.write_config(**config | {"sheets": ["sheet.tsv"]})
    project.write_sheet(*((name, f"file:{path}", "train") for name, path in paths.items()))
    run = project.snakemake()
    assert run.returncode == 0, run.output
    return project


def test_counts_the_kernels_of_each_file(real):
    assert real.table("clustered").set_index("model")["n_kernels"].to_dict() == N_KERNELS


def test_trained_kernels_cluster_far_above_the_controls(real):
    clustered = real.table("clustered").set_index("model")
    assert clustered.loc["fastvit_t8_int8", "clustered_percent"] > 75
    assert (clustered["clustered_percent"] > 10 * clustered["random_percent"]).all()


def test_each_pair_of_seeds_gives_the_same_classes(real):
    stability = real.table("stability")
    pairs = stability[stability["seeds"].str.contains(",")]
    assert pairs["seeds"].tolist() == ["1, 2", "1, 3", "2, 3"]
    assert (pairs["same_class_percent"] >= 85).all(), pairs.to_string()


def test_each_class_looks_like_its_name(real):
    means = real.table("means_k7")
    facts = means[["class", "axis", "n_kernels", "correlation"]].to_string()
    assert len(means) >= 5, facts
    assert (means["correlation"] >= 0.8).all(), facts
