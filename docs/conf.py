"""The site: README, docs/, the measurements and the API. `make docs` builds it, offline."""

import re
from pathlib import Path

from sphinx.application import Sphinx

import kernel_atlas
from kernel_atlas.figures.registry import FIGURES, Figure

REPOSITORY = Path(__file__).resolve().parents[1]
GALLERY = REPOSITORY / "results" / "gallery.md"
# what the wildcards of a figure's path stand for in the gallery
EXAMPLE = {"model": "efficientnet_lite0", "size": "5"}

project = "Kernel Atlas"
release = kernel_atlas.__version__
root_doc = "docs/index"
# the source is the repository, so that links between pages are those of GitHub
include_patterns = [
    "*.md",
    "benchmarks/*.md",
    "docs/*.md",
    "docs/measures/*.md",
    "docs/reference/*.md",
    "results/gallery.md",
]

extensions = ["myst_parser", "sphinx_design", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
myst_heading_anchors = 4
myst_enable_extensions = ["colon_fence"]
default_role = "literal"  # what docstrings quote is code
autodoc_typehints = "none"  # the docstrings have them, with shapes
napoleon_google_docstring = False
html_theme = "furo"
html_title = project
html_show_copyright = False


def setup(app: Sphinx) -> None:
    """Write the gallery before pages are read."""
    app.connect("builder-inited", lambda _: write_gallery())


def write_gallery() -> None:
    """Write the page of all figures: each with its caption and code, drawn where a run has it."""
    parts = [
        "# Gallery",
        "Every figure as the run in `results/` drew it, with its caption and its code. Where the "
        "run does not have a figure, only these are here.",
        *(describe(figure) for figure in FIGURES.values()),
    ]
    GALLERY.write_text("\n\n".join(parts) + "\n")


def describe(figure: Figure) -> str:
    """One figure of the gallery, as Markdown."""
    caption = (REPOSITORY / "workflow/report" / f"{figure.name}.rst").read_text()
    for name, value in EXAMPLE.items():
        caption = re.sub(rf"\{{\{{\s*snakemake\.wildcards\.{name}\s*\}}\}}", value, caption)
    path = f"figures/{figure.path.format(**EXAMPLE)}.png"
    image = f"![{figure.shows}]({path})" if (GALLERY.parent / path).is_file() else ""
    module, _, function = figure.function.partition(":")
    code = f"../src/{module.replace('.', '/')}.py"
    return f"""## {figure.shows.capitalize()}

{image}

```{{eval-rst}}
{caption.strip()}
```

:::{{dropdown}} Code
```{{literalinclude}} {code}
:pyobject: {function}
```
:::"""
