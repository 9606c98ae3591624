"""Tables for reading: a page in Markdown, and a tabular in LaTeX."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import pandas as pd

from kernel_atlas.atomic import replacing


def format_number(value: float, form: str = ".1f") -> str:
    """A number as a cell; a missing one is empty."""
    return "" if pd.isna(value) else format(value, form)


def to_markdown(
    title: str,
    note: str,
    heads: Sequence[str],
    rows: Sequence[Sequence[str]],
    none: str,
    n_names: int = 1,
) -> str:
    """A page with a table.

    Parameters
    ----------
    title, note : str
        Above the table.
    heads : sequence of str
    rows : sequence of sequence of str
        Cells as text. The first one of a row is an id; empty ones become dashes.
    none : str
        What is said where there are no rows.
    n_names : int, default=1
        The first columns, which are aligned on the left.
    """
    aligned = ["---"] * n_names + ["---:"] * (len(heads) - n_names)
    cells = [[f"`{name}`", *others] for name, *others in rows]
    page = [
        f"# {title}\n",
        f"{note}\n",
        *([] if rows else [f"{none}\n"]),
        *(f"| {' | '.join(cell or '–' for cell in row)} |" for row in (heads, aligned, *cells)),
    ]
    return "\n".join(page) + "\n"


def to_latex(
    title: str, heads: Sequence[str], rows: Iterable[Sequence[str]], n_names: int = 1
) -> str:
    """A tabular, as `to_markdown`; it needs the package booktabs."""
    lines = [
        f"% {title}.",
        r"% Needs \usepackage{booktabs}.",
        rf"\begin{{tabular}}{{@{{}}{'l' * n_names}{'r' * (len(heads) - n_names)}@{{}}}}",
        r"\toprule",
        rf"{' & '.join(heads)} \\".replace("%", r"\%"),
        r"\midrule",
        *(rf"{' & '.join(map(_in_latex, row))} \\" for row in rows),
        r"\bottomrule",
        r"\end{tabular}",
    ]
    return "\n".join(lines) + "\n"


def write_text(text: str, path: Path) -> None:
    """Write a page, whole or not at all."""
    with replacing(path) as partial:
        partial.write_text(text, encoding="utf-8")


def _in_latex(cell: str) -> str:
    if cell.startswith(("+", "-")):
        return f"${cell}$"  # or the minus would be a hyphen
    return cell.replace("_", r"\_").replace("±", r"$\pm$") or "--"
