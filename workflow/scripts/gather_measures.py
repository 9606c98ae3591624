"""Write the tables of measures of all models."""

from pathlib import Path

from kernel_atlas.jobs import logged
from kernel_atlas.tables.depth import pool_depths
from kernel_atlas.tables.measures import gather_measures

if __name__ == "__main__":
    with logged(snakemake.log[0]):
        gather_measures(
            paths_to_measures=snakemake.input.measures,
            folder=Path(snakemake.output.models).parent,
        )
        pool_depths(
            path_to_models=snakemake.input.models,
            path_to_layers=snakemake.input.layers,
            path_to_measures=snakemake.output.layers,
            path_to_table=snakemake.output.depths,
        )
