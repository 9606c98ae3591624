"""Draw the figures of one rule of the registry."""

import gc
from pathlib import Path

from matplotlib import artist

from kernel_atlas.figures.registry import plot_figure
from kernel_atlas.jobs import logged

if __name__ == "__main__":
    # Each a tenth of the time of a job as short as this: collecting garbage, of which there is
    # little, and writing help texts for all artists, which matplotlib does while it is imported.
    gc.disable()
    artist.kwdoc = lambda _: ""
    with logged(snakemake.log[0]):
        for name in snakemake.params.versions:
            plot_figure(
                name,
                inputs=dict(snakemake.input.items()),
                settings=dict(snakemake.params.items()),
                path_to_png=Path(snakemake.output[name]),
                dpi=snakemake.params.dpi,
            )
