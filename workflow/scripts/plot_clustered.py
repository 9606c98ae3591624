"""Draw the clustered percentages of all models."""

import pandas as pd

from kernel_atlas.figures.clustered import draw_clustered
from kernel_atlas.figures.style import save_figure
from kernel_atlas.jobs import logged

if __name__ == "__main__":
    with logged(snakemake.log[0]):
        figure = draw_clustered(pd.read_csv(snakemake.input.clustered, sep="\t"))
        save_figure(figure, snakemake.output.png, snakemake.output.svg, snakemake.params.dpi)
