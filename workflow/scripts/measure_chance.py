"""Measure what chance gives for each kernel size, the same for all models."""

from kernel_atlas.classes.controls import measure_chance
from kernel_atlas.jobs import logged
from kernel_atlas.section import read_classifiers

if __name__ == "__main__":
    with logged(snakemake.log[0]):
        sizes, with_codebook = snakemake.params.sizes, snakemake.params.codebook_sizes
        measure_chance(
            classifiers=read_classifiers(
                paths_to_codebooks=dict(zip(with_codebook, snakemake.input.codebooks, strict=True)),
                paths_to_labels=dict(zip(with_codebook, snakemake.input.labels, strict=True)),
                thresholds=dict(zip(sizes, snakemake.params.thresholds, strict=True)),
            ),
            paths_to_baselines=dict(zip(sizes, snakemake.input.baselines, strict=True)),
            path_to_chance=snakemake.output[0],
        )
