"""Draw the figures of one model."""

from pathlib import Path

from kernel_atlas.figures.model import plot_model
from kernel_atlas.jobs import logged

if __name__ == "__main__":
    with logged(snakemake.log[0]):
        sizes = snakemake.params.sizes
        plot_model(
            path_to_group=Path(snakemake.input.group[0]).parent,
            paths_to_classes=dict(zip(sizes, snakemake.input.classes, strict=True)),
            merge=dict(snakemake.params.merge),
            n_samples=snakemake.params.n_samples,
            dpi=snakemake.params.dpi,
            paths_to_layers=(snakemake.output.layers, snakemake.output.layers_svg),
            paths_to_samples=(snakemake.output.samples, snakemake.output.samples_svg),
            paths_to_sizes=(snakemake.output.sizes, snakemake.output.sizes_svg),
        )
