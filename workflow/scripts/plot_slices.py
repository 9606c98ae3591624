"""Draw the slices of one model's regular convolutions."""

from pathlib import Path

from kernel_atlas.figures.slices import plot_slices
from kernel_atlas.jobs import logged

if __name__ == "__main__":
    with logged(snakemake.log[0]):
        plot_slices(
            path_to_group=Path(snakemake.input.group[0]).parent,
            n_columns=snakemake.params.n_columns,
            dpi=snakemake.params.dpi,
            paths_to_slices=(snakemake.output.png, snakemake.output.svg),
        )
