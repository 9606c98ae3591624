"""Write the tables of measures of all models."""

from pathlib import Path

from kernel_atlas.jobs import logged
from kernel_atlas.tables.measures import gather_measures

if __name__ == "__main__":
    with logged(snakemake.log[0]):
        gather_measures(
            paths_to_measures=snakemake.input,
            folder=Path(snakemake.output.models).parent,
        )
