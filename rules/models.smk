"""List each row of the sheet with its outcome.

Inputs:  results/kernels.zarr/<model>/zarr.json of all models
Outputs: results/tables/models.tsv, one row per sheet row; failed.tsv, the failed models;
         weights.tsv, the candidate weights of all models
         results/all_extracted, which a run fails to make while models have failed
"""


rule list_models:
    input:
        groups=every(rules.extract_kernels.output, model=EXTRACTED),
    output:
        models="results/tables/models.tsv",
        failed="results/tables/failed.tsv",
        weights="results/tables/weights.tsv",
    log:
        "results/logs/list_models.log",
    benchmark:
        "results/benchmarks/list_models.tsv"
    priority: 1  # the tables wait for it
    localrule: True
    conda:
        "../envs/kernel-atlas.yaml"
    params:
        rows=[list(astuple(row)) for row in ROWS.values()],
        extracted=EXTRACTED,
        version=versions.MODELS,
    message:
        "Listing the models and their outcomes"
    script:
        "../workflow/scripts/list_models.py"


rule check_extracted:
    # Waits for the tables, so that its line is the last one of a run.
    input:
        failed=rules.list_models.output.failed,
        clustered="results/tables/clustered.tsv",
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
