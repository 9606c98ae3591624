"""Classify and measure the kernels of one model, of all sizes."""

from pathlib import Path

from kernel_atlas.classes.classify import classify_kernels
from kernel_atlas.jobs import logged
from kernel_atlas.measures.model import measure_model
from kernel_atlas.section import read_classifiers

if __name__ == "__main__":
    with logged(snakemake.log[0]):
        group = Path(snakemake.input.group[0]).parent
        sizes, with_codebook = snakemake.params.sizes, snakemake.params.codebook_sizes
        classify_kernels(
            path_to_group=group,
            classifiers=read_classifiers(
                paths_to_codebooks=dict(zip(with_codebook, snakemake.input.codebooks, strict=True)),
                paths_to_labels=dict(zip(with_codebook, snakemake.input.labels, strict=True)),
                thresholds=dict(zip(sizes, snakemake.params.thresholds, strict=True)),
            ),
            paths_to_baselines=dict(zip(sizes, snakemake.input.baselines, strict=True)),
            paths_to_classes=dict(zip(sizes, snakemake.output.classes, strict=True)),
            path_to_controls=snakemake.output.controls,
        )
        measure_model(group, snakemake.output.measures)
