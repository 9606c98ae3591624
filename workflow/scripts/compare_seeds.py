"""Compare the classes that the seeds give to the same kernels."""

from pathlib import Path

from kernel_atlas.jobs import logged
from kernel_atlas.tables.stability import compare_seeds

if __name__ == "__main__":
    with logged(snakemake.log[0]):
        sizes = snakemake.params.sizes
        compare_seeds(
            paths_to_groups=[Path(path).parent for path in snakemake.input.groups],
            paths_to_codebooks=dict(zip(sizes, snakemake.input.codebooks, strict=True)),
            paths_to_kept=dict(zip(sizes, snakemake.input.kept, strict=True)),
            thresholds=dict(zip(sizes, snakemake.params.thresholds, strict=True)),
            min_purity=snakemake.params.min_purity,
            paths_to_tables=dict(snakemake.output.items()),
        )
