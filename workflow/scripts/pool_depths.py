"""Pool measures and class proportions by relative depth."""

from kernel_atlas.jobs import logged
from kernel_atlas.tables.depth import pool_depths

if __name__ == "__main__":
    with logged(snakemake.log[0]):
        pool_depths(
            path_to_models=snakemake.input.models,
            path_to_layers=snakemake.input.layers,
            path_to_measures=snakemake.input.measures,
            path_to_table=snakemake.output[0],
        )
