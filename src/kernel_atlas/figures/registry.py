"""The table of all figures, figures.tsv, from which rules/figures.smk makes its rules.

One more figure is one line there, one module with its function, and one caption in
workflow/report/. Light at import: the Snakefile reads the table each time it is parsed.
"""

import csv
from collections.abc import Iterator, Mapping
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
    "kmeans": ("2. Clusters", {"kernels": "{size}x{size}"}),
    "models": ("3. Models", {"model": "{model}"}),
    "compared": ("3. Models", {"model": "{model}"}),
    "run": ("4. All models", {"form": "figure"}),
    "experiments": ("5. Experiments", {"form": "figure"}),
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
        Raise it in the change that changes what is drawn: its rule then draws again.
    subject : str
        What there is one such figure of: a key of REPORT, and of SUBJECTS in
        rules/figures.smk.
    rule : str
        Figures of one rule are drawn by one job, since starting a process costs more than
        drawing. They are figures that mostly change together.
    shows : str
        What it shows, for the report.
    paper : str
        Numbers of the paper's figures that it corresponds to, as in "7, 8, 33 to 38".
    inputs, settings : str
        Keys of INPUTS (files) and of SETTINGS in rules/figures.smk, as words. A figure
        with `colours` draws kernels, or areas in the colours of classes; the setting is applied
        before its function is called.
    """

    path: str
    version: int
    subject: str
    rule: str
    shows: str
    paper: str
    inputs: str
    settings: str

    @property
    def name(self) -> str:
        """The path without its wildcards: the function is plot_<name>, the caption <name>.rst."""
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


def place_table(
    shows: str, form: str = "TSV file", paper: str = "", subject: str = "run"
) -> dict[str, Any]:
    """The place of a table of this subject in the report, as keywords of Snakemake's `report`."""
    labels = {"paper": number_in_paper("Table", paper), "form": form, "what": shows}
    return {"category": REPORT[subject][0], "labels": labels}


def number_in_paper(kind: str, numbers: str) -> str:
    """As in "Figure  7, 8": padded, so that it sorts before "Figure 10"."""
    if not numbers:
        return NOT_IN_PAPER
    if not numbers[0].isdigit():  # an appendix
        return f"{kind}s of {numbers}"
    n_digits = len(numbers.replace(",", " ").split()[0])
    return f"{kind} {' ' * (2 - n_digits)}{numbers}"


def _read_figures() -> Iterator[Figure]:
    table = Path(__file__).with_name("figures.tsv").read_text(encoding="utf-8")
    for row in csv.DictReader(table.splitlines(), delimiter="\t"):
        yield Figure(version=int(row.pop("version")), **row)


FIGURES = {figure.name: figure for figure in _read_figures()}

DRAWINGS = {
    rule: [figure for figure in FIGURES.values() if figure.rule == rule]
    for rule in dict.fromkeys(figure.rule for figure in FIGURES.values())
}


def plot_figure(
    name: str, inputs: Mapping[str, Any], settings: Mapping[str, Any], path_to_png: Path, dpi: int
) -> None:
    """Draw a figure of the table and save it as PNG and, beside it, as SVG.

    Parameters
    ----------
    name : str
    inputs, settings : mapping
        By name: paths or lists of paths, and values. The figure takes those that it lists.
    path_to_png : path
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
    style.save_figure(drawn, [path_to_png, path_to_png.with_suffix(".svg")], dpi)
