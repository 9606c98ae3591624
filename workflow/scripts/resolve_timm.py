"""Ask timm once for all models of the sheet that are its own."""

from kernel_atlas.architectures import resolve_timm
from kernel_atlas.logs import logged

if __name__ == "__main__":
    with logged(snakemake.log[0]):
        resolve_timm(
            names=snakemake.params.names,
            path_to_architectures=snakemake.output[0],
        )
