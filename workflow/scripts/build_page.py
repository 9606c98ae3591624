"""Build the atlas page."""

from itertools import product
from pathlib import Path

from kernel_atlas.jobs import logged
from kernel_atlas.page.build import build_page

if __name__ == "__main__":
    with logged(snakemake.log[0]):
        models, sizes = snakemake.params.models, snakemake.params.sizes
        codes = zip(snakemake.input.codebooks, snakemake.input.labels, strict=True)
        build_page(
            path_to_page=snakemake.output.page,
            groups={
                model: Path(metadata).parent
                for model, metadata in zip(models, snakemake.input.groups, strict=True)
            },
            classes=dict(zip(product(models, sizes), snakemake.input.classes, strict=True)),
            codebooks=dict(zip(snakemake.params.codebook_sizes, codes, strict=True)),
            thresholds=dict(zip(sizes, snakemake.params.thresholds, strict=True)),
            merge=dict(snakemake.params.merge),
            path_to_models=snakemake.input.models,
            path_to_clustered=snakemake.input.clustered,
            path_to_layers=snakemake.input.layers,
            sheets=snakemake.params.sheets,
            ruler=snakemake.params.ruler,
            colours=snakemake.params.colours,
        )
