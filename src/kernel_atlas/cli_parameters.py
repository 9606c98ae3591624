"""Types and options of the command's parameters, checked before any work."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

PLOT_SUFFIXES = (".png", ".svg", ".pdf")


class Output(click.ParamType):
    """A file to write: its folder exists and may be written to."""

    name = "file"

    def __init__(self, suffixes: tuple[str, ...] = ()) -> None:
        self.suffixes = suffixes

    def convert(self, value: Any, param: Any, ctx: Any) -> Path:
        """The path."""
        path = Path(value)
        folder = path.absolute().parent
        if self.suffixes and path.suffix.lower() not in self.suffixes:
            self.fail(f"{path} must end with {', '.join(self.suffixes)}", param, ctx)
        if path.exists() and not path.is_file():
            self.fail(f"{path} is not a regular file", param, ctx)
        if not folder.is_dir():
            self.fail(f"there is no folder {folder}", param, ctx)
        if not os.access(folder, os.W_OK | os.X_OK):
            self.fail(f"the folder {folder} may not be written to", param, ctx)
        return path


class Source(click.ParamType):
    """A source URI or a path."""

    name = "source"

    def convert(self, value: Any, param: Any, ctx: Any) -> str:
        """The URI."""
        from kernel_atlas.sources.arguments import to_source

        return to_source(value)


EXISTING = click.Path(exists=True, path_type=Path)


with_atlas = click.option(
    "--atlas", type=EXISTING, metavar="FILE|results/", help="another atlas than the bundled one"
)
with_json = click.option(
    "--json", "as_json", is_flag=True, help="print one JSON object instead of tables"
)


def with_choice(command: Callable) -> Callable:
    """Add the options that say which weights of a file count."""
    for option in (
        click.option("--sha256", default="", metavar="DIGITS", help="expected checksum"),
        click.option(
            "--exclude", multiple=True, metavar="PATTERN", help="layers to leave out (repeatable)"
        ),
        click.option(
            "--include", multiple=True, metavar="PATTERN", help="layers to count (repeatable)"
        ),
        click.option(
            "--weights", default="", metavar="KEY", help="entry of the file that holds the network"
        ),
    ):
        command = option(command)
    return command
