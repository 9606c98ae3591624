"""Extract the depthwise kernels of one model into its group of the store."""

from pathlib import Path

from kernel_atlas.extract import extract_kernels
from kernel_atlas.logs import logged

if __name__ == "__main__":
    with logged(snakemake.log[0]):
        extract_kernels(
            model=snakemake.wildcards.model,
            source=snakemake.params.source,
            sha256=snakemake.params.sha256,
            stamp=snakemake.params.stamp,
            path_to_group=Path(snakemake.output[0]).parent,
        )
