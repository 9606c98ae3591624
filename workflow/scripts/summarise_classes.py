"""Sum up the classes of all models in tables, the paper's with this run's numbers among them."""

from itertools import product
from pathlib import Path

from kernel_atlas.jobs import logged
from kernel_atlas.tables.paper import write_paper_tables
from kernel_atlas.tables.summary import summarise_classes

if __name__ == "__main__":
    with logged(snakemake.log[0]):
        folder = Path(snakemake.output.clustered).parent
        models, sizes = snakemake.params.classified, snakemake.params.sizes
        summarise_classes(
            path_to_models=snakemake.input.models,
            paths_to_classes=dict(
                zip(product(models, sizes), snakemake.input.classes, strict=True)
            ),
            paths_to_controls=dict(zip(models, snakemake.input.controls, strict=True)),
            path_to_chance=snakemake.input.chance,
            thresholds=dict(zip(sizes, snakemake.params.thresholds, strict=True)),
            merge=dict(snakemake.params.merge),
            folder=folder,
        )
        write_paper_tables(snakemake.output.clustered, snakemake.input.models, folder)
