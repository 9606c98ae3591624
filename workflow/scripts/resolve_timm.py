"""Ask timm once for all models of the sheet that are its own."""

from kernel_atlas.jobs import logged
from kernel_atlas.sources.timm import resolve_timm

if __name__ == "__main__":
    with logged(snakemake.log[0]):
        resolve_timm(
            names=snakemake.params.names,
            path_to_architectures=snakemake.output[0],
        )
