"""Sum up the classes of all models in two tables."""

from itertools import product

from kernel_atlas.logs import logged
from kernel_atlas.tables import summarise_classes

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
            paths_to_classes=dict(
                zip(product(models, sizes), snakemake.input.classes, strict=True)
            ),
            paths_to_controls=dict(zip(models, snakemake.input.controls, strict=True)),
            path_to_clustered=snakemake.output.clustered,
            path_to_clustered_html=snakemake.output.clustered_html,
            path_to_layers=snakemake.output.layers,
        )
