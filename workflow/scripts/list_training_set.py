"""List what each model with role 'train' contributes, by kernel size."""

from pathlib import Path

from kernel_atlas.codebooks.training_set import list_training_set
from kernel_atlas.jobs import logged

if __name__ == "__main__":
    with logged(snakemake.log[0]):
        list_training_set(
            paths_to_groups=[Path(path).parent for path in snakemake.input.groups],
            sizes=snakemake.params.sizes,
            path_to_table=snakemake.output[0],
        )
