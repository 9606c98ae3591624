"""List each row of the sheet with its outcome."""

from kernel_atlas.jobs import logged
from kernel_atlas.sheet import Model
from kernel_atlas.tables.models import list_models

if __name__ == "__main__":
    with logged(snakemake.log[0]):
        list_models(
            rows=[Model(*row) for row in snakemake.params.rows],
            paths_to_metadata=dict(
                zip(snakemake.params.extracted, snakemake.input.groups, strict=True)
            ),
            path_to_models=snakemake.output.models,
            path_to_failed=snakemake.output.failed,
            path_to_weights=snakemake.output.weights,
        )
