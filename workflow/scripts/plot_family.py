"""Draw the DoG family."""

from kernel_atlas.figures.family import draw_family
from kernel_atlas.figures.style import save_figure
from kernel_atlas.jobs import logged

if __name__ == "__main__":
    with logged(snakemake.log[0]):
        for name, figure in draw_family().items():
            png, svg = snakemake.output[name], snakemake.output[f"{name}_svg"]
            save_figure(figure, png, svg, snakemake.params.dpi)
