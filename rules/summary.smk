"""Sum up the run on one page, which opens the report.

Inputs:  results/tables/
Outputs: results/summary.txt: what was read, what clusters, what chance gives
"""


rule summarise_run:
    input:
        models=rules.list_models.output.models,
        clustered=rules.summarise_classes.output.clustered,
        families=rules.summarise_classes.output.families,
        layers=rules.summarise_classes.output.layers,
        controls=rules.summarise_classes.output.controls,
        stability=rules.compare_seeds.output.seeds,
        stability_classes=rules.compare_seeds.output.classes,
    output:
        report(
            "results/summary.txt",
            caption="../workflow/report/summary.rst",
            **place_table("summary of the run", form="text"),
        ),
    log:
        "results/logs/summarise_run.log",
    benchmark:
        "results/benchmarks/summarise_run.tsv"
    conda:
        "../envs/kernel-atlas.yaml"
    params:
        sizes=SIZES,
        version=versions.RUN_SUMMARY,
    message:
        "Summing up the run on one page"
    script:
        "../workflow/scripts/summarise_run.py"
