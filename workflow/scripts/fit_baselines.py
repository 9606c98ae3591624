"""Fit the simpler methods to compare the codebook of one kernel size with."""

from pathlib import Path

from kernel_atlas.codebooks.baselines import fit_baselines
from kernel_atlas.jobs import logged

if __name__ == "__main__":
    with logged(snakemake.log[0]):
        fit_baselines(
            paths_to_groups=[Path(path).parent for path in snakemake.input.groups],
            size=int(snakemake.wildcards.size),
            path_to_baselines=snakemake.output[0],
        )
