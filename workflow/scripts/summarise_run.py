"""Sum up the run on one page."""

from kernel_atlas.jobs import logged
from kernel_atlas.tables.run import summarise_run

if __name__ == "__main__":
    with logged(snakemake.log[0]):
        summarise_run(
            paths_to_tables=dict(snakemake.input.items()),
            sizes=snakemake.params.sizes,
            path_to_summary=snakemake.output[0],
        )
