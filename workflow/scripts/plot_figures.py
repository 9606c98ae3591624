"""Draw the figures of one rule of the registry."""

from pathlib import Path

from kernel_atlas.figures.registry import plot_figure
from kernel_atlas.jobs import logged

if __name__ == "__main__":
    with logged(snakemake.log[0]):
        for name in snakemake.params.versions:
            plot_figure(
                name,
                inputs=dict(snakemake.input.items()),
                settings=dict(snakemake.params.items()),
                path_to_png=Path(snakemake.output[name]),
                dpi=snakemake.params.dpi,
            )
