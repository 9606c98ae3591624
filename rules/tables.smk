"""Sum up all models in tables.

Inputs:  results/kernels.zarr/<model>/zarr.json and results/classes/<model>/ of all models;
         for stability.tsv the codebooks of all seeds and results/kernels.zarr/<train model>/
Outputs: results/tables/models.tsv, what became of each row of the sheet; failed.tsv
         results/all_extracted, which a run fails to make while models have failed
         results/tables/clustered.{tsv,html}, one row per model and size; families.tsv
         results/tables/layers.tsv, one row per layer and class
         results/tables/controls.tsv, sweep.tsv: chance and simpler methods
         results/tables/stability.tsv, how far other seeds give the same classes
         results/config.yaml, the configuration that the results were made with
"""


rule list_models:
    input:
        groups=expand(rules.extract_kernels.output, model=EXTRACTED),
    output:
        models="results/tables/models.tsv",
        failed="results/tables/failed.tsv",
    log:
        "results/logs/list_models.log",
    benchmark:
        "results/benchmarks/list_models.tsv"
    localrule: True
    conda:
        "../envs/kernel-atlas.yaml"
    params:
        rows=[list(astuple(row)) for row in ROWS.values()],
        extracted=EXTRACTED,
        version=versions.MODELS,
    message:
        "Listing the models and what became of them"
    script:
        "../workflow/scripts/list_models.py"


rule summarise_classes:
    input:
        models=rules.list_models.output.models,
        classes=expand(
            "results/classes/{model}/k{size}.parquet", model=MODELS, size=SIZES
        ),
        controls=expand(rules.classify_kernels.output.controls, model=MODELS),
    output:
        clustered=report(
            "results/tables/clustered.tsv",
            caption="../workflow/report/clustered_table.rst",
            category="All models",
            labels={"what": "clustered percentages", "form": "TSV file"},
        ),
        clustered_html=report(
            "results/tables/clustered.html",
            caption="../workflow/report/clustered_table.rst",
            category="All models",
            labels={"what": "clustered percentages", "form": "table"},
        ),
        layers=report(
            "results/tables/layers.tsv",
            caption="../workflow/report/layers_table.rst",
            category="All models",
            labels={"what": "classes by layer", "form": "TSV file"},
        ),
        families=report(
            "results/tables/families.tsv",
            caption="../workflow/report/families_table.rst",
            category="All models",
            labels={"what": "families", "form": "TSV file"},
        ),
        controls=report(
            "results/tables/controls.tsv",
            caption="../workflow/report/controls_table.rst",
            category="All models",
            labels={"what": "controls and baselines", "form": "TSV file"},
        ),
        sweep="results/tables/sweep.tsv",
    log:
        "results/logs/summarise_classes.log",
    benchmark:
        "results/benchmarks/summarise_classes.tsv"
    conda:
        "../envs/kernel-atlas.yaml"
    resources:
        runtime=grow(30),
    params:
        sizes=SIZES,
        thresholds=[config["thresholds"][f"k{size}"] for size in SIZES],
        merge=sorted(config["merge"].items()),
        classified=MODELS,
        version=versions.SUMMARISE,
    message:
        "Summing up all models in tables"
    script:
        "../workflow/scripts/summarise_classes.py"


rule compare_seeds:
    input:
        groups=expand(rules.extract_kernels.output, model=TRAIN_MODELS),
        codebooks=expand(
            rules.train_autoencoder.output.codebooks,
            size=config["autoencoder"]["sizes"],
        ),
        kept=expand(
            rules.train_autoencoder.output.codebook,
            size=config["autoencoder"]["sizes"],
        ),
    output:
        report(
            "results/tables/stability.tsv",
            caption="../workflow/report/stability_table.rst",
            category="All models",
            labels={"what": "agreement of seeds", "form": "TSV file"},
        ),
    log:
        "results/logs/compare_seeds.log",
    benchmark:
        "results/benchmarks/compare_seeds.tsv"
    conda:
        "../envs/kernel-atlas.yaml"
    resources:
        runtime=grow(30),
    params:
        sizes=config["autoencoder"]["sizes"],
        thresholds=[
            config["thresholds"][f"k{size}"] for size in config["autoencoder"]["sizes"]
        ],
        labels_version=versions.LABEL,
        classify_version=versions.CLASSIFY,
        version=versions.STABILITY,
    message:
        "Comparing the classes that the seeds give"
    script:
        "../workflow/scripts/compare_seeds.py"


rule save_config:
    output:
        "results/config.yaml",
    log:
        "results/logs/save_config.log",
    benchmark:
        "results/benchmarks/save_config.tsv"
    conda:
        "../envs/kernel-atlas.yaml"
    params:
        config=yaml.safe_dump(config, sort_keys=True),
    message:
        "Saving the configuration beside the results"
    script:
        "../workflow/scripts/save_config.py"


rule check_extracted:
    # Waits for the tables, so that its line is the last one of a run.
    input:
        failed=rules.list_models.output.failed,
        clustered=rules.summarise_classes.output.clustered,
    output:
        touch("results/all_extracted"),
    log:
        "results/logs/check_extracted.log",
    benchmark:
        "results/benchmarks/check_extracted.tsv"
    retries: 0  # another attempt finds the same failed models
    localrule: True
    conda:
        "../envs/kernel-atlas.yaml"
    params:
        n_models=len(EXTRACTED),
        version=versions.MODELS,
    message:
        "Checking that all models could be extracted"
    script:
        "../workflow/scripts/check_extracted.py"
