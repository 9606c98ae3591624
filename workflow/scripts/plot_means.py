"""Average each class of one kernel size, and draw the means."""

from pathlib import Path

from kernel_atlas.classes.means import average_classes, write_means
from kernel_atlas.figures.means import draw_means
from kernel_atlas.figures.style import save_figure
from kernel_atlas.jobs import logged

if __name__ == "__main__":
    with logged(snakemake.log[0]):
        size = int(snakemake.wildcards.size)
        means = average_classes(
            paths_to_groups=[Path(path).parent for path in snakemake.input.groups],
            paths_to_classes=snakemake.input.classes,
            size=size,
        )
        write_means(means, snakemake.output.means)
        figure = draw_means(size, means)
        save_figure(figure, snakemake.output.png, snakemake.output.svg, snakemake.params.dpi)
