"""The figures and tables of the paper that a report should have, and what report.html shows."""

import base64
import io
import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.image import imread

# Table 2 and these figures are of networks trained for the purpose: a run without experiments has
# none of them.
OF_EXPERIMENTS = [18, *range(21, 27)]
FIGURES = sorted({*range(1, 39)} - {*OF_EXPERIMENTS})
TABLES = [1, 3, 4]

NOTICE_ROWS = 80  # of pixels at 100 dots per inch: what says why there is no figure is lower


def numbers_in(text: str) -> set[int]:
    """The numbers of a text such as "7, 8, 33 to 38"; an appendix has none."""
    spans = re.findall(r"(\d+)(?: to (\d+))?", text)
    return {n for first, last in spans for n in range(int(first), int(last or first) + 1)}


@dataclass(frozen=True)
class Item:
    """A figure or table in the report."""

    path: str
    labels: dict[str, str]
    caption: str = field(repr=False)
    content: bytes = field(repr=False)

    def is_numbered(self, kind: str, number: int) -> bool:
        """Whether it stands under this number of the paper."""
        paper = self.labels["paper"]
        return paper.startswith(kind) and number in numbers_in(paper)

    def is_drawn(self, dpi: int) -> bool:
        """Whether the image is a figure, not blank and not a notice."""
        pixels = imread(io.BytesIO(self.content))[..., :3]
        return len(pixels) > NOTICE_ROWS * dpi / 100 and bool(np.ptp(pixels) > 0.5)


@dataclass(frozen=True)
class Report:
    """The opening page as HTML, and the items by category and subcategory."""

    opening: str = field(repr=False)
    sections: dict[tuple[str, str], list[Item]]

    def numbered(self, kind: str, number: int) -> list[Item]:
        """The items under a number of the paper."""
        items = [item for section in self.sections.values() for item in section]
        return [item for item in items if item.is_numbered(kind, number)]


def read_report(path: Path) -> Report:
    """Read the page that `snakemake --report` writes."""
    text = path.read_text(encoding="utf-8")

    def variable(name: str) -> Any:
        (value,) = re.findall(rf"<script id=.*>\s*var {name} = (.*);\s*</script>", text)
        return json.loads(value)

    results = variable("results")
    sections = {
        (category, subcategory): [_item(path, results[path]) for path in paths]
        for category, parts in variable("categories").items()
        for subcategory, paths in parts.items()
    }
    return Report(variable("workflow_desc"), sections)


def _item(path: str, result: dict[str, Any]) -> Item:
    content = base64.b64decode(result["data_uri"].partition("base64,")[2])
    return Item(path, result["labels"], result["caption"], content)
