"""Extract the kernels of one model into its group of the store."""

from pathlib import Path

from kernel_atlas.checkpoints.regular import RegularSample
from kernel_atlas.extraction.extract import Downloads, extract_kernels
from kernel_atlas.extraction.failed import recorded
from kernel_atlas.jobs import logged
from kernel_atlas.sources.schemes import DOWNLOAD_MB

if __name__ == "__main__":
    with logged(snakemake.log[0]), recorded(snakemake.output[0]):
        sample = snakemake.params.regular_sample
        path_to_group = Path(snakemake.output[0]).parent
        extract_kernels(
            model=snakemake.wildcards.model,
            source=snakemake.params.source,
            sha256=snakemake.params.sha256,
            stamp=snakemake.params.stamp,
            paths_to_architectures=snakemake.input.architectures,
            regular=RegularSample(*sample) if sample else None,
            downloads=Downloads(
                folder=str(path_to_group.parents[1] / "downloads" / snakemake.wildcards.model),
                limit_mb=snakemake.resources.download_mb or DOWNLOAD_MB,
                keep=bool(snakemake.resources.keep_downloads),
            ),
            path_to_group=path_to_group,
        )
