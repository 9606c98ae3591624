"""Measure the kernels of all models."""

from pathlib import Path

from kernel_atlas.jobs import logged
from kernel_atlas.tables.measures import measure_models

if __name__ == "__main__":
    with logged(snakemake.log[0]):
        measure_models(
            paths_to_groups={
                model: Path(path).parent
                for model, path in zip(snakemake.params.models, snakemake.input.groups, strict=True)
            },
            folder=Path(snakemake.output.models).parent,
        )
