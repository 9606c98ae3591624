"""Sum up all models in tables.

Inputs:  results/tables/models.tsv, results/classes/<model>/ of all models, results/chance.tsv
Outputs: results/tables/clustered.{tsv,html}, one row per model and size; families.tsv
         results/tables/layers.tsv, one row per layer and class
         results/tables/agreement.tsv, which members the kernels of each class have
         results/tables/signs.tsv, on and off classes with the gains behind the layers
         results/tables/controls.tsv, sweep.tsv: chance and simpler methods
         results/tables/paper_table{1,3,4}.{tsv,md,tex}: the paper's tables beside this run
         results/config.yaml, the configuration that the results were made with
"""


rule summarise_classes:
    input:
        models=rules.list_models.output.models,
        classes=every(
            "results/classes/{model}/k{size}.parquet", model=MODELS, size=SIZES
        ),
        controls=every(rules.classify_kernels.output.controls, model=MODELS),
        chance=rules.measure_chance.output.table,
    output:
        clustered=report(
            "results/tables/clustered.tsv",
            caption="../workflow/report/clustered_table.rst",
            **place_table("percentages"),
        ),
        clustered_html=report(
            "results/tables/clustered.html",
            caption="../workflow/report/clustered_table.rst",
            **place_table("percentages", form="page"),
        ),
        layers=report(
            "results/tables/layers.tsv",
            caption="../workflow/report/layers_table.rst",
            **place_table("classes by layer"),
        ),
        families=report(
            "results/tables/families.tsv",
            caption="../workflow/report/families_table.rst",
            **place_table("families"),
        ),
        agreement=report(
            "results/tables/agreement.tsv",
            caption="../workflow/report/agreement_table.rst",
            **place_table("agreement of the rulers"),
        ),
        signs="results/tables/signs.tsv",
        controls=report(
            "results/tables/controls.tsv",
            caption="../workflow/report/controls_table.rst",
            **place_table("controls and baselines"),
        ),
        sweep="results/tables/sweep.tsv",
        paper_table1=report(
            "results/tables/paper_table1.tsv",
            caption="../workflow/report/paper_table.rst",
            **place_table("near kernels", paper="1"),
        ),
        paper_table3=report(
            "results/tables/paper_table3.tsv",
            caption="../workflow/report/paper_table.rst",
            **place_table("near kernels", paper="3"),
        ),
        paper_table4=report(
            "results/tables/paper_table4.tsv",
            caption="../workflow/report/paper_table.rst",
            **place_table("near kernels", paper="4"),
        ),
        paper_pages=expand(
            "results/tables/paper_table{table}.{form}",
            table=[1, 3, 4],
            form=["md", "tex"],
        ),
    log:
        "results/logs/summarise_classes.log",
    benchmark:
        "results/benchmarks/summarise_classes.tsv"
    priority: 1  # what takes longest waits for it: most figures, and the page
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
        paper_version=versions.PAPER_TABLES,
    message:
        "Summing up all models in tables"
    script:
        "../workflow/scripts/summarise_classes.py"


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
