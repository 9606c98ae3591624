"""Fit k-means to the kernels of one size of the train models."""

from pathlib import Path

from kernel_atlas.codebooks.kmeans import cluster_kernels
from kernel_atlas.jobs import logged

if __name__ == "__main__":
    with logged(snakemake.log[0]):
        cluster_kernels(
            paths_to_groups=[Path(path).parent for path in snakemake.input.groups],
            size=int(snakemake.wildcards.size),
            n_centres=snakemake.params.n_centres,
            seed=snakemake.params.seed,
            path_to_codebook=snakemake.output.codebook,
        )
