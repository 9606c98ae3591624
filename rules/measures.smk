"""Measure kernels by what neighbouring projects ask of them. Without codebook and training.

Inputs:  results/kernels.zarr/ of all models, results/tables/models.tsv, layers.tsv
Outputs: results/tables/measures.tsv, one row per model, size and control; measures_layers.tsv;
         measures_keys.tsv, what each master key describes; measures_similarity.tsv of models
         results/tables/measures_depth.tsv, by relative depth
Steps:   measure_models (one job: to start one per model would cost more than to measure);
         pool_depths, again for new labels
"""


rule measure_models:
    input:
        groups=expand(rules.extract_kernels.output, model=MODELS),
    output:
        models=report(
            "results/tables/measures.tsv",
            caption="../workflow/report/measures_table.rst",
            **place_table("measures"),
        ),
        layers="results/tables/measures_layers.tsv",
        by_key="results/tables/measures_keys.tsv",
        similarity="results/tables/measures_similarity.tsv",
    log:
        "results/logs/measure_models.log",
    benchmark:
        "results/benchmarks/measure_models.tsv"
    conda:
        "../envs/kernel-atlas.yaml"
    resources:
        runtime=grow(30),
    params:
        models=MODELS,
        version=versions.MEASURES,
    message:
        "Measuring the kernels of all models"
    script:
        "../workflow/scripts/measure_models.py"


rule pool_depths:
    input:
        models=rules.list_models.output.models,
        layers=rules.summarise_classes.output.layers,
        measures=rules.measure_models.output.layers,
    output:
        "results/tables/measures_depth.tsv",
    log:
        "results/logs/pool_depths.log",
    benchmark:
        "results/benchmarks/pool_depths.tsv"
    conda:
        "../envs/kernel-atlas.yaml"
    params:
        version=versions.DEPTHS,
    message:
        "Pooling measures and class proportions by relative depth"
    script:
        "../workflow/scripts/pool_depths.py"
