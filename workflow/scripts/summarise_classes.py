"""Sum up the classes of all models in tables."""

from itertools import product
from pathlib import Path

import pandas as pd

from kernel_atlas.jobs import logged
from kernel_atlas.tables.clustered import summarise_classes

if __name__ == "__main__":
    with logged(snakemake.log[0]):
        models, sizes = snakemake.params.classified, snakemake.params.sizes
        sheet = pd.read_csv(snakemake.input.models, sep="\t", dtype=str, keep_default_na=False)
        sheet = sheet[sheet["role"] != "compare"]
        summarise_classes(
            listed=sheet["model"].tolist(),
            results_of=sheet["duplicate_of"]
            .where(sheet["duplicate_of"] != "", sheet["model"])
            .tolist(),
            families=sheet["family"].tolist(),
            paper_tables=sheet["paper_table"].tolist(),
            paper_percents=sheet["paper_percent"].tolist(),
            notes=sheet["note"].tolist(),
            thresholds=dict(zip(sizes, snakemake.params.thresholds, strict=True)),
            merge=dict(snakemake.params.merge),
            paths_to_classes=dict(
                zip(product(models, sizes), snakemake.input.classes, strict=True)
            ),
            paths_to_controls=dict(zip(models, snakemake.input.controls, strict=True)),
            folder=Path(snakemake.output.clustered).parent,
        )
