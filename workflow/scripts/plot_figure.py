"""Draw one figure of the registry."""

from kernel_atlas.figures.registry import plot_figure
from kernel_atlas.jobs import logged

if __name__ == "__main__":
    with logged(snakemake.log[0]):
        plot_figure(
            snakemake.params.name,
            inputs=dict(snakemake.input.items()),
            settings=dict(snakemake.params.items()),
            path_to_png=snakemake.output.png,
            path_to_svg=snakemake.output.svg,
            dpi=snakemake.params.dpi,
        )
