"""Average the kernels of each class of each kernel size."""

from itertools import product
from pathlib import Path

from kernel_atlas.classes.means import average_classes
from kernel_atlas.jobs import logged

if __name__ == "__main__":
    with logged(snakemake.log[0]):
        sizes = snakemake.params.sizes
        groups = [Path(path).parent for path in snakemake.input.groups]
        keys = product(sizes, groups)
        classes = dict(zip(keys, snakemake.input.classes, strict=True))
        outputs = zip(sizes, snakemake.output.tables, snakemake.output.means, strict=True)
        for size, path_to_table, path_to_means in outputs:
            average_classes(
                paths_to_groups=groups,
                paths_to_classes=[classes[size, group] for group in groups],
                size=size,
                path_to_table=path_to_table,
                path_to_means=path_to_means,
            )
