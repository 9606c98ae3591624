"""Extract the kernels of one model into its group of the store."""

from pathlib import Path

from kernel_atlas.checkpoints.choice import Choice
from kernel_atlas.extraction.extract import Downloads, extract_kernels
from kernel_atlas.extraction.failed import recorded
from kernel_atlas.jobs import logged
from kernel_atlas.sources.schemes import DOWNLOAD_MB

if __name__ == "__main__":
    model = snakemake.wildcards.model
    path_to_group = Path(snakemake.output[0]).parent
    facts = {
        "model": model,
        "source": snakemake.params.source,
        "stamp": snakemake.params.stamp,
    }
    with logged(snakemake.log[0]), recorded(path_to_group, facts):
        extract_kernels(
            **facts,
            sha256=snakemake.params.sha256,
            choice=Choice(*snakemake.params.choice),
            paths_to_architectures=snakemake.input.architectures,
            regular=snakemake.params.regular_sample,
            downloads=Downloads(
                folder=str(path_to_group.parents[1] / "downloads" / model),
                limit_mb=snakemake.resources.download_mb or DOWNLOAD_MB,
                keep=bool(snakemake.resources.keep_downloads),
            ),
            path_to_group=path_to_group,
        )
