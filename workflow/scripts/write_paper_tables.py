"""Write the paper's tables with this run's numbers beside the published ones."""

from pathlib import Path

from kernel_atlas.jobs import logged
from kernel_atlas.tables.paper import write_paper_tables

if __name__ == "__main__":
    with logged(snakemake.log[0]):
        write_paper_tables(
            path_to_clustered=snakemake.input.clustered,
            path_to_models=snakemake.input.models,
            folder=Path(snakemake.output.table1).parent,
        )
