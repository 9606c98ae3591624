"""The command ``kernel-atlas`` (docs/command.md).

Light at import: what a command needs is imported once its arguments are known to be good.
"""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from kernel_atlas import __version__
from kernel_atlas.cli_parameters import (
    EXISTING,
    PLOT_SUFFIXES,
    Output,
    Source,
    with_atlas,
    with_choice,
    with_json,
)
from kernel_atlas.cli_process import run

if TYPE_CHECKING:
    import pandas as pd


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="kernel-atlas")
def cli() -> None:
    """What shapes the depthwise kernels of a trained network have, from its weights alone.

    SOURCE is a checkpoint's path, or as in a model sheet: timm:NAME, hf:OWNER/REPO, https://...,
    package:PACKAGE/PATH, file:PATH.
    """


@cli.command()
@click.argument("source", type=Source())
@with_atlas
@with_json
@click.option("--csv", type=Output(), metavar="FILE", help="write one row per kernel")
@click.option(
    "--plot", type=Output(PLOT_SUFFIXES), metavar="FILE", help="draw the layers (PNG, SVG, PDF)"
)
@with_choice
def classify(
    source: str,
    atlas: Path | None,
    as_json: bool,
    csv: Path | None,
    plot: Path | None,
    weights: str,
    include: tuple[str, ...],
    exclude: tuple[str, ...],
    sha256: str,
) -> None:
    """Classify the depthwise kernels of SOURCE."""
    from kernel_atlas import printing
    from kernel_atlas.atlas import Atlas

    chosen = Atlas.load(atlas)
    result = chosen.classify(
        source,
        weights=weights,
        include=" ".join(include),
        exclude=" ".join(exclude),
        sha256=sha256,
    )
    if csv:
        write_csv(result.kernels, csv)
    if plot:
        from kernel_atlas.figures.style import save_figure

        save_figure(result.plot(), [plot])
    if as_json:
        click.echo(printing.result_to_json(result, chosen))
    else:
        click.echo(printing.result_to_text(result, chosen))


@cli.command()
@click.argument("sources", type=Source(), nargs=-1, required=True, metavar="SOURCE SOURCE...")
@with_atlas
@with_json
@click.option("--csv", type=Output(), metavar="FILE", help="write one row per network and class")
@click.option(
    "--plot", type=Output(PLOT_SUFFIXES), metavar="FILE", help="draw the classes (PNG, SVG, PDF)"
)
@click.option("--include", multiple=True, metavar="PATTERN", help="layers to count (repeatable)")
@click.option("--exclude", multiple=True, metavar="PATTERN", help="layers to leave out")
def compare(
    sources: tuple[str, ...],
    atlas: Path | None,
    as_json: bool,
    csv: Path | None,
    plot: Path | None,
    include: tuple[str, ...],
    exclude: tuple[str, ...],
) -> None:
    """Compare networks by their depthwise kernels: two or more SOURCEs."""
    from kernel_atlas import comparison
    from kernel_atlas.comparison_text import comparison_to_json, comparison_to_text

    found = comparison.compare(sources, atlas, include=" ".join(include), exclude=" ".join(exclude))
    if csv:
        write_csv(found.classes, csv)
    if plot:
        from kernel_atlas.figures.style import save_figure

        save_figure(found.plot(), [plot])
    click.echo((comparison_to_json if as_json else comparison_to_text)(found))


@cli.command()
@click.argument("source", type=Source())
@click.option(
    "--with",
    "how",
    required=True,
    type=click.Choice(["members", "keys", "codes"]),
    help="members of the DoG family, the master keys (7x7), or the codes of the atlas",
)
@click.argument("output", type=Output((".safetensors",)), metavar="OUT.safetensors")
@click.option("--zero-rest", is_flag=True, help="set all other depthwise kernels to zero")
@click.option("--overwrite", is_flag=True, help="replace an older file OUT.safetensors")
@with_atlas
@with_choice
def replace(
    source: str,
    how: str,
    output: Path,
    zero_rest: bool,
    overwrite: bool,
    atlas: Path | None,
    weights: str,
    include: tuple[str, ...],
    exclude: tuple[str, ...],
    sha256: str,
) -> None:
    """Write SOURCE with its depthwise kernels replaced: gain times shape plus mean of each."""
    from kernel_atlas.atlas import Atlas
    from kernel_atlas.checkpoints.choice import Choice
    from kernel_atlas.replacement import replace_kernels, replacement_to_text

    done = replace_kernels(
        source,
        output,
        how,
        atlas=Atlas.load(atlas),
        zero_rest=zero_rest,
        overwrite=overwrite,
        choice=Choice(weights, " ".join(include), " ".join(exclude)),
        sha256=sha256,
    )
    click.echo(f"{output}: {output.stat().st_size:,} bytes\n{replacement_to_text(done)}")


@cli.command()
@click.argument("source", metavar="SOURCE|SHEET")
@with_choice
def describe(
    source: str, weights: str, include: tuple[str, ...], exclude: tuple[str, ...], sha256: str
) -> None:
    """List the weights of SOURCE that might be depthwise, or what the rows of SHEET (.tsv) hold."""
    from kernel_atlas.sources.arguments import to_source

    if source.endswith(".tsv") and Path(source).is_file():
        from kernel_atlas.extraction.describe_sheet import describe_sheet

        click.echo(describe_sheet(source), nl=False)
        return
    uri = to_source(source)
    from kernel_atlas import printing
    from kernel_atlas.checkpoints.choice import Choice
    from kernel_atlas.networks import list_candidates

    choice = Choice(weights, " ".join(include), " ".join(exclude))
    candidates, note = list_candidates(uri, choice, sha256)
    click.echo("\n".join(filter(None, [note, printing.inventory_to_text(candidates)])))


@cli.command()
@click.option(
    "--timm",
    "patterns",
    required=True,
    multiple=True,
    metavar="PATTERN",
    help="names of timm's models, such as 'convnext*' or '*.fb_in1k' (repeatable)",
)
@click.option(
    "--role", type=click.Choice(["classify", "train"]), default="classify", show_default=True
)
@click.option("-o", "--output", type=Output(), metavar="FILE", help="instead of standard output")
def sheet(patterns: tuple[str, ...], role: str, output: Path | None) -> None:
    """Write a model sheet of timm's pretrained models with depthwise kernels."""
    from kernel_atlas import zoo

    found = zoo.survey(patterns)
    for row in found:
        if row.fault:
            click.echo(f"WARNING: timm cannot build {row.name}: {row.fault}", err=True)
    text = zoo.make_sheet(found, patterns, role)
    if not output:
        click.echo(text, nl=False)
        return
    from kernel_atlas.atomic import replacing

    with replacing(output) as partial:
        partial.write_text(text, encoding="utf-8")
    click.echo("\n".join([f"{output}: {output.stat().st_size:,} bytes", *zoo.describe(found)]))


@cli.command()
@click.argument("results", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("atlas", type=Output())
def export(results: Path, atlas: Path) -> None:
    """Write the atlas of a finished run (its folder RESULTS) into the file ATLAS."""
    from kernel_atlas import printing
    from kernel_atlas.atlas import Atlas

    exported = Atlas.from_run(results)
    exported.save(atlas)
    click.echo(f"{atlas}: {atlas.stat().st_size:,} bytes; {printing.atlas_to_line(exported)}")


@cli.command()
@click.argument("atlas", type=EXISTING, required=False)
def info(atlas: Path | None) -> None:
    """Say what ATLAS holds: a file, a run's results, or by default the bundled atlas."""
    from kernel_atlas import printing
    from kernel_atlas.atlas import Atlas

    click.echo(printing.atlas_to_text(Atlas.load(atlas)))


def write_csv(table: "pd.DataFrame", path: Path) -> None:
    """Write a table whole, or not at all."""
    from kernel_atlas.atomic import replacing

    with replacing(path) as partial:
        table.to_csv(partial, index=False, lineterminator="\n")


def main() -> None:
    """Run the command as a process."""
    run(cli)
