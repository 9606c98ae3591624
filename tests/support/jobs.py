"""The jobs of the finished project, by what they follow from."""

from collections.abc import Iterable

from support.project import Project

MODELS = ["alpha", "beta", "gamma"]
SIZES = [3, 5, 7]


def of_models(models: Iterable[str], *rules: str) -> list[str]:
    """Jobs of these rules for these models."""
    return [f"{rule}/{model}" for rule in rules for model in models]


def of_sizes(sizes: Iterable[int], *rules: str) -> list[str]:
    """Jobs of these rules for these kernel sizes."""
    return [f"{rule}/k{size}" for rule in rules for size in sizes]


TABLES = ["check_extracted", "plot_clustered", "plot_sweep", "summarise_classes"]
# what sums up all models, whichever of them has changed
SHARED = [*TABLES, *of_sizes(SIZES, "plot_means")]
CLASSIFICATION = of_models(MODELS, "classify_kernels", "plot_model") + SHARED


def rerun(project: Project, *options: str) -> list[str]:
    """The jobs that a further run of the project runs."""
    run = project.snakemake(*options)
    assert run.returncode == 0, run.output
    return run.jobs
