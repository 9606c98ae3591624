"""Draw the training history of one kernel size's autoencoder."""

import pandas as pd

from kernel_atlas.figures.history import draw_history
from kernel_atlas.figures.style import save_figure
from kernel_atlas.jobs import logged

if __name__ == "__main__":
    with logged(snakemake.log[0]):
        history = pd.read_csv(snakemake.input.history, sep="\t")
        size = int(snakemake.wildcards.size)
        figure = draw_history(size, history, snakemake.params.threshold)
        save_figure(figure, snakemake.output.png, snakemake.output.svg, snakemake.params.dpi)
