"""The workflow's rules by what each runs once for: all that tests expect of the list of jobs.

A job is named rule or rule/wildcard, as its log file is.
"""

from collections import Counter
from collections.abc import Iterable

from support.project import Project

MODELS = ["alpha", "beta", "gamma"]  # of the finished project
SIZES = [3, 5, 7]
TRAINED = [5, 7]  # with an autoencoder; 3x3 kernels are clustered with k-means

EXTRACT = ["extract_kernels"]
CLASSIFY = ["classify_kernels", "plot_model"]
FIT = ["fit_baselines"]
TRAIN = ["train_autoencoder", "plot_autoencoder"]
LABEL = ["label_codebook", "plot_spectrum"]
DRAW_SIZE = ["plot_pool"]
DRAW_TRAINED = ["plot_components"]  # of the kernels and classes of the train models
CENTRES = ["plot_centres/k3"]
TABLES = [
    *("summarise_classes", "average_classes", "gather_measures", "summarise_run"),
    *("check_extracted", "plot_tables", "build_page"),
]
SEEDS = ["compare_seeds", "plot_stability"]
CHANCE = ["measure_chance"]
ONCE = ["save_config", "list_models", "list_training_set", *CHANCE, *SEEDS, *TABLES]
DRAW_ONCE = ["plot_family", "plot_store"]


def of_models(models: Iterable[str], rules: Iterable[str]) -> list[str]:
    """Jobs of these rules for these models."""
    return [f"{rule}/{model}" for rule in rules for model in models]


def of_sizes(sizes: Iterable[int], rules: Iterable[str]) -> list[str]:
    """Jobs of these rules for these kernel sizes."""
    return [f"{rule}/k{size}" for rule in rules for size in sizes]


def of_everything() -> list[str]:
    """The jobs of the finished project's first run."""
    return sorted(
        of_models(MODELS, EXTRACT + CLASSIFY)
        + of_sizes(SIZES, FIT + LABEL + DRAW_SIZE + DRAW_TRAINED)
        + of_sizes(TRAINED, TRAIN)
        + [*of_sizes([3], ["cluster_kernels"]), *CENTRES, *ONCE, *DRAW_ONCE]
    )


def of_new_model(model: str, sizes: Iterable[int] = SIZES) -> list[str]:
    """The jobs of one more row with role classify: its own, and what sums up all models."""
    own = of_models([model], EXTRACT + CLASSIFY)
    drawn = [*of_sizes(sizes, DRAW_SIZE), *(CENTRES if 3 in sizes else ()), "plot_store"]
    return sorted([*own, "list_models", *drawn, *TABLES])


def of_classification(models: Iterable[str] = MODELS) -> list[str]:
    """The jobs after the labels: all models are classified again."""
    drawn = of_sizes(SIZES, DRAW_SIZE + DRAW_TRAINED) + CENTRES
    return of_models(models, CLASSIFY) + CHANCE + drawn + TABLES


def without_figures(jobs: Iterable[str]) -> list[str]:
    """These jobs but for those that draw."""
    return [job for job in jobs if not job.startswith("plot_")]


def rerun(project: Project, *options: str) -> list[str]:
    """The jobs that a further run of the project runs."""
    run = project.snakemake(*options)
    assert run.returncode == 0, run.output
    return run.jobs


def assert_plans(project: Project, jobs: Iterable[str]) -> None:
    """The next run will do these jobs, as far as their number per rule tells."""
    assert project.plan() == Counter(job.split("/")[0] for job in jobs)
