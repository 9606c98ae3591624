"""Measure kernels by what neighbouring projects ask of them. Without codebook and training.

Inputs:  results/classes/<model>/measures.npz, results/tables/models.tsv, layers.tsv
Outputs: results/tables/measures.tsv, one row per model, size and control; measures_layers.tsv;
         measures_keys.tsv, what each master key describes; measures_similarity.tsv of models
         results/tables/measures_depth.tsv, by relative depth
Steps:   gather_measures, of what classify_kernels measured of each model (a job of its own would
         take longer to start than to measure)
"""


rule gather_measures:
    input:
        models=rules.list_models.output.models,
        layers=rules.summarise_classes.output.layers,
        measures=every(rules.classify_kernels.output.measures, model=MODELS),
    output:
        models=report(
            "results/tables/measures.tsv",
            caption="../workflow/report/measures_table.rst",
            **place_table("measures"),
        ),
        layers="results/tables/measures_layers.tsv",
        by_key="results/tables/measures_keys.tsv",
        similarity="results/tables/measures_similarity.tsv",
        depths="results/tables/measures_depth.tsv",
    log:
        "results/logs/gather_measures.log",
    benchmark:
        "results/benchmarks/gather_measures.tsv"
    conda:
        "../envs/kernel-atlas.yaml"
    params:
        version=versions.MEASURES,
        depths_version=versions.DEPTHS,
    message:
        "Gathering the measures of all models, and pooling them by relative depth"
    script:
        "../workflow/scripts/gather_measures.py"
