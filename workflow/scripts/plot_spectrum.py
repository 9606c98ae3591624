"""Draw the spectrum of one kernel size with its labelled intervals."""

from kernel_atlas.codebooks.codebook import read_codebook
from kernel_atlas.figures.spectrum import draw_spectrum
from kernel_atlas.figures.style import save_figure
from kernel_atlas.jobs import logged
from kernel_atlas.labels.table import read_labels

if __name__ == "__main__":
    with logged(snakemake.log[0]):
        figure = draw_spectrum(
            int(snakemake.wildcards.size),
            read_codebook(snakemake.input.codebook),
            read_labels(snakemake.input.labels),
        )
        save_figure(figure, snakemake.output.png, snakemake.output.svg, snakemake.params.dpi)
