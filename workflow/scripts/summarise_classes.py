"""Sum up the classes of all models in tables."""

from itertools import product
from pathlib import Path

from kernel_atlas.jobs import logged
from kernel_atlas.tables.clustered import summarise_classes

if __name__ == "__main__":
    with logged(snakemake.log[0]):
        models, sizes = snakemake.params.models, snakemake.params.sizes
        summarise_classes(
            listed=snakemake.params.listed,
            results_of=snakemake.params.results_of,
            families=snakemake.params.families,
            paper_tables=snakemake.params.paper_tables,
            paper_percents=snakemake.params.paper_percents,
            notes=snakemake.params.notes,
            thresholds=dict(zip(sizes, snakemake.params.thresholds, strict=True)),
            merge=dict(snakemake.params.merge),
            paths_to_classes=dict(
                zip(product(models, sizes), snakemake.input.classes, strict=True)
            ),
            paths_to_controls=dict(zip(models, snakemake.input.controls, strict=True)),
            folder=Path(snakemake.output.clustered).parent,
        )
