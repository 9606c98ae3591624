"""Another workflow uses this one as a module, with its own sheet, config and prefix."""

import shutil

import pytest
import yaml
from support.project import CONFIG, REPOSITORY, Project

SNAKEFILE = f"""
configfile: "study.yaml"


module kernel_atlas:
    snakefile: "{REPOSITORY}/Snakefile"
    config: config["kernel_atlas"]
    prefix: "atlas"


use rule * from kernel_atlas as atlas_*


rule count_models:
    default_target: True
    input:
        rules.atlas_summarise_classes.output.clustered,
    output:
        "models.txt",
    shell:
        "tail -n +2 {{input}} | cut -f 1 | sort -u > {{output}}"
"""


class Study(Project):
    """A user's project whose own Snakefile uses the atlas."""

    def write(self, **changes):
        """Write its config: the settings that these tests need, and no others."""
        config = {"kernel_atlas": {**CONFIG, **changes}}
        (self / "study.yaml").write_text(yaml.safe_dump(config))
        (self / "Snakefile").write_text(SNAKEFILE)

    def snakemake(self, *options):
        return super().snakemake("--snakefile", str(self / "Snakefile"), *options)


@pytest.fixture
def study(finished, tmp_path):
    """A study of the same models as the finished project."""
    shutil.copytree(finished / "weights", tmp_path / "weights")
    shutil.copy(finished / "sheet.tsv", tmp_path)
    study = Study(tmp_path)
    study.write()
    return study


def test_results_of_a_module_are_those_of_a_plain_run(finished, study):
    """A named target gives the same bytes as a full run, and one size as three sizes."""
    study.write(autoencoder=CONFIG["autoencoder"] | {"sizes": [5]}, kmeans={"sizes": []})
    run = study.snakemake("models.txt")
    assert run.returncode == 0, run.output
    assert (study / "models.txt").read_text().split() == ["alpha", "beta", "gamma"]
    patterns = ("autoencoder/*/*", "baselines/*", "labels/*", "classes/*/*.parquet")
    found, expected = (each.contents(*patterns) for each in (Project(study / "atlas"), finished))
    assert found.items() <= expected.items()
    assert {"labels/k5.tsv", "classes/gamma/k5.parquet"} <= found.keys()
    assert not (study / "results").exists()  # everything is under the prefix
    (study / "weights/alpha.safetensors").unlink()  # the store remembers its stamp
    assert "Nothing to be done" in study.snakemake("models.txt").output


def test_a_fault_in_the_config_is_one_line(study):
    study.write(figures={"dpi": 50, "smaples": 4})
    run = study.snakemake("--dry-run")
    assert run.returncode != 0
    assert "config: figures.smaples: unknown key (did you mean 'samples'?)" in run.output


def test_own_labels_are_not_looked_for_under_the_prefix(finished, study):
    shutil.copy(finished / "results/labels/k5.tsv", study / "mine.tsv")
    study.write(labels={"k5": "mine.tsv"})
    run = study.snakemake("--dry-run", "atlas_all")
    assert run.returncode == 0, run.output


def test_timm_is_asked_for_new_rows_only(study):
    study.add_rows(("one", "timm:test_convnext.r160_in1k", "classify"))
    run = study.snakemake("--until", "atlas_resolve_timm")
    assert run.returncode == 0, run.output
    asked = [path.name for path in (study / "atlas/results/timm").iterdir()]
    study.add_rows(("two", "timm:test_efficientnet.r160_in1k", "classify"))
    run = study.snakemake("--dry-run", "--until", "atlas_resolve_timm")
    assert "Job stats" in run.output, run.output
    assert not any(name in run.output for name in asked)
