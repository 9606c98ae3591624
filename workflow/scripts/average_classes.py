"""Average the kernels of each class of one kernel size."""

from pathlib import Path

from kernel_atlas.classes.means import average_classes
from kernel_atlas.jobs import logged

if __name__ == "__main__":
    with logged(snakemake.log[0]):
        average_classes(
            paths_to_groups=[Path(path).parent for path in snakemake.input.groups],
            paths_to_classes=snakemake.input.classes,
            size=int(snakemake.wildcards.size),
            path_to_table=snakemake.output.table,
            path_to_means=snakemake.output.means,
        )
