"""Compare the arms of the experiments, in tables."""

from pathlib import Path

from kernel_atlas.experiments.starts_table import compare_starts
from kernel_atlas.jobs import logged

if __name__ == "__main__":
    with logged(snakemake.log[0]):
        compare_starts(
            path_to_checkpoints=snakemake.input.checkpoints,
            paths_to_groups=[Path(path).parent for path in snakemake.input.groups],
            path_to_clustered=snakemake.input.clustered,
            folder=Path(snakemake.output.starts).parent,
        )
