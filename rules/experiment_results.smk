"""Sum up the experiments: `snakemake all experiment_results`, once their networks are trained.

Inputs:  results/experiments/checkpoints.tsv, results/tables/clustered.tsv,
         results/kernels.zarr/ and results/classes/ of the checkpoints
Outputs: results/experiments/starts.{tsv,md,tex}, the paper's Table 2: one row per arm and size
         results/experiments/memorisation.{tsv,md,tex}, what controls of memorisation learn
         results/experiments/movement.tsv, how far kernels moved from their start, by layer
         results/figures/experiments/ (rules/figures.smk)
"""

# empty until the sheet of what was trained is there
CHECKPOINTS = [
    model for model in MODELS if ROWS[model].source.startswith(f"file:{EXPERIMENTS}/")
]


rule compare_starts:
    input:
        checkpoints=rules.list_checkpoints.output.checkpoints,
        groups=every(rules.extract_kernels.output, model=CHECKPOINTS),
        clustered=rules.summarise_classes.output.clustered,
    output:
        starts=report(
            f"{EXPERIMENTS}/starts.tsv",
            caption="../workflow/report/starts_table.rst",
            **place_table(
                "accuracy and kernels by start", paper="2", subject="experiments"
            ),
        ),
        memorisation=report(
            f"{EXPERIMENTS}/memorisation.tsv",
            caption="../workflow/report/memorisation_table.rst",
            **place_table("memorisation", subject="experiments"),
        ),
        pages=expand(
            f"{EXPERIMENTS}/{{table}}.{{form}}",
            table=["starts", "memorisation"],
            form=["md", "tex"],
        ),
    log:
        "results/logs/compare_starts.log",
    benchmark:
        "results/benchmarks/compare_starts.tsv"
    conda:
        "../envs/kernel-atlas.yaml"
    params:
        version=versions.STARTS,
    message:
        "Comparing the arms of the experiments"
    script:
        "../workflow/scripts/compare_starts.py"


rule measure_movement:
    input:
        checkpoints=rules.list_checkpoints.output.checkpoints,
        groups=every(rules.extract_kernels.output, model=CHECKPOINTS),
        classes=every(
            "results/classes/{model}/k{size}.parquet", model=CHECKPOINTS, size=SIZES
        ),
    output:
        movement=report(
            f"{EXPERIMENTS}/movement.tsv",
            caption="../workflow/report/movement_table.rst",
            **place_table("movement from the start", subject="experiments"),
        ),
    log:
        "results/logs/measure_movement.log",
    benchmark:
        "results/benchmarks/measure_movement.tsv"
    conda:
        "../envs/kernel-atlas.yaml"
    params:
        sizes=SIZES,
        version=versions.MOVEMENT,
    message:
        "Measuring how far kernels moved from their start"
    script:
        "../workflow/scripts/measure_movement.py"


rule experiment_results:
    input:
        rules.compare_starts.output,
        rules.measure_movement.output,
        [
            f"results/figures/{figure.path}.{suffix}"
            for figure in FIGURES.values()
            if figure.subject == "experiments"
            for suffix in ("png", "svg")
        ],
