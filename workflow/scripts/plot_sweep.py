"""Draw the clustered percentages over thresholds."""

import pandas as pd

from kernel_atlas.figures.style import save_figure
from kernel_atlas.figures.sweep import draw_sweep
from kernel_atlas.jobs import logged

if __name__ == "__main__":
    with logged(snakemake.log[0]):
        thresholds = dict(zip(snakemake.params.sizes, snakemake.params.thresholds, strict=True))
        figure = draw_sweep(pd.read_csv(snakemake.input.sweep, sep="\t"), thresholds)
        save_figure(figure, snakemake.output.png, snakemake.output.svg, snakemake.params.dpi)
