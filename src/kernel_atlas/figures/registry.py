"""The table of all figures, from which rules/figures.smk makes one rule each.

One more figure is one line here, one module with its function, and one caption in
workflow/report/. Light at import: the Snakefile reads the table each time it is parsed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

# By subject: the section of the report that lists its figures, in the order of the paper, and
# what tells two figures of a section apart besides what they show.
REPORT: dict[str, tuple[str, dict[str, str]]] = {
    "family": ("1. DoG family", {}),
    "sizes": ("2. Clusters", {"kernels": "{size}x{size}"}),
    "autoencoders": ("2. Clusters", {"kernels": "{size}x{size}"}),
    "models": ("3. Models", {"model": "{model}"}),
    "compared": ("3. Models", {"model": "{model}"}),
    "run": ("4. All models", {"form": "figure"}),
}
NOT_IN_PAPER = "this project"  # after all that the paper has: the report sorts rows by their texts


@dataclass(frozen=True)
class Figure:
    """One line of the table.

    Attributes
    ----------
    path : str
        Under results/figures, without suffix. May contain {model} or {size}; the rest of it
        is the figure's name.
    version : int
        Raise it in the change that changes what is drawn. Only this figure is redrawn.
    subject : str
        What there is one such figure of: a key of REPORT, and of SUBJECTS in
        rules/figures.smk.
    shows : str
        What it shows, for the report.
    inputs, settings : str
        Keys of INPUTS (files) and of SETTINGS in rules/figures.smk, as words. With `colours`
        it draws kernels, in the colours of that setting; its function is not told.
    paper : str
        Numbers of the paper's figures that it corresponds to, as in "7, 8, 33 to 38".
    """

    path: str
    version: int
    subject: str
    shows: str
    inputs: str = ""
    settings: str = ""
    paper: str = ""

    @property
    def name(self) -> str:
        """The path without its wildcards: the rule is plot_<name>, the caption <name>.rst."""
        return "_".join(part for part in self.path.split("/") if "{" not in part)

    @property
    def function(self) -> str:
        """As "module:function"; the module is the first word of the name.

        The function takes the inputs and settings by name, and returns a matplotlib Figure.
        """
        return f"kernel_atlas.figures.{self.name.partition('_')[0]}:plot_{self.name}"

    @property
    def place(self) -> dict[str, Any]:
        """The place in the report, as keywords of Snakemake's `report`."""
        category, columns = REPORT[self.subject]
        labels = {"paper": number_in_paper("Figure", self.paper), **columns, "what": self.shows}
        return {"category": category, "subcategory": columns.get("model"), "labels": labels}

    @property
    def job(self) -> str:
        """What logs and benchmarks are called: the rule, and the folder if it has a wildcard."""
        folder = f"/{Path(self.path).parent}" if "{" in self.path else ""
        return f"plot_{self.name}{folder}"


def place_table(shows: str, form: str = "TSV file", paper: str = "") -> dict[str, Any]:
    """The place of a table of all models in the report, as keywords of Snakemake's `report`."""
    labels = {"paper": number_in_paper("Table", paper), "form": form, "what": shows}
    return {"category": REPORT["run"][0], "labels": labels}


def number_in_paper(kind: str, numbers: str) -> str:
    """As in "Figure  7, 8": padded, so that it sorts before "Figure 10"."""
    if not numbers:
        return NOT_IN_PAPER
    if not numbers[0].isdigit():  # an appendix
        return f"{kind}s of {numbers}"
    n_digits = len(numbers.replace(",", " ").split()[0])
    return f"{kind} {' ' * (2 - n_digits)}{numbers}"


# path, version, subject, what it shows, inputs, settings; the paper's figures
FIGURES = {
    figure.name: figure
    for figure in (
        Figure(
            "{model}/layers",
            5,
            "models",
            "classes by layer",
            "classes",
            "model sizes merge ruler",
            paper="7, 8, 33 to 38",
        ),
        Figure(
            "{model}/samples",
            6,
            "models",
            "random samples",
            "group classes",
            "model sizes merge ruler n_samples colours",
            paper="5, 6",
        ),
        Figure("{model}/sizes", 5, "models", "sizes by layer", "classes", "model sizes"),
        Figure(
            "{model}/activation",
            2,
            "models",
            "total activation",
            "group classes",
            "model sizes merge ruler",
            paper="10",
        ),
        Figure(
            "{model}/slices",
            4,
            "compared",
            "slices of regular convolutions",
            "group",
            "model n_samples colours",
            paper="2",
        ),
        Figure(
            "k{size}/spectrum",
            5,
            "sizes",
            "spectrum",
            "codebook labels",
            "size colours",
            paper="3, 31, 32",
        ),
        Figure("k{size}/history", 4, "autoencoders", "training", "history", "size threshold"),
        Figure("k{size}/means", 5, "sizes", "mean kernels", "means", "size colours"),
        Figure(
            "k{size}/components",
            2,
            "sizes",
            "principal components",
            "train_groups train_classes",
            "size ruler colours",
            paper="4",
        ),
        Figure(
            "k{size}/classes",
            2,
            "sizes",
            "random samples",
            "groups size_classes",
            "size ruler n_samples colours",
            paper="9, 17",
        ),
        Figure("clustered", 5, "run", "percentages", "clustered", "ruler"),
        Figure("proportions", 2, "run", "classes by model", "layers", "ruler", paper="11, 28"),
        Figure("sweep", 5, "run", "thresholds and controls", "sweep", "thresholds ruler"),
        Figure("stability", 2, "run", "classes by seed", "stability stability_classes"),
        Figure("family/functions", 4, "family", "functions", settings="colours", paper="1"),
        Figure(
            "family/derivatives", 4, "family", "all derivatives", settings="colours", paper="12"
        ),
        Figure(
            "family/grid", 4, "family", "all derivatives on a grid", settings="colours", paper="13"
        ),
        Figure("family/crosses", 4, "family", "crosses", settings="colours", paper="15"),
    )
}


def plot_figure(
    name: str,
    inputs: Mapping[str, Any],
    settings: Mapping[str, Any],
    path_to_png: str | Path,
    path_to_svg: str | Path,
    dpi: int,
) -> None:
    """Draw a figure of the table and save it as PNG and SVG.

    Parameters
    ----------
    name : str
    inputs, settings : mapping
        By name: paths, or lists of paths, and values. Those that the figure does not ask for
        are left out.
    path_to_png, path_to_svg : path
        Written.
    dpi : int
    """
    from kernel_atlas.figures import style

    figure = FIGURES[name]
    if "colours" in figure.settings.split():  # not an argument, or six modules would pass it on
        style.RC["image.cmap"] = style.COLOUR_MAPS[settings["colours"]]
    module, _, function = figure.function.partition(":")
    drawn = getattr(import_module(module), function)(
        **{word: inputs[word] for word in figure.inputs.split()},
        **{word: settings[word] for word in figure.settings.split() if word != "colours"},
    )
    style.save_figure(drawn, path_to_png, path_to_svg, dpi)
