"""Models that could not be extracted: they hold nothing back, and are tried again.

Inputs:  results/kernels.zarr/<model>/zarr.json of all models, a record of the cause in some
Outputs: results/tables/failed.tsv, a row a model that failed, with its cause
         results/all_extracted, which a run fails to make while there are such rows
Steps:   list_failed deletes the records, so that the next run finds these models missing;
         what follows is made of the models that the table does not name (inputs.smk)
"""


checkpoint list_failed:
    input:
        expand(rules.extract_kernels.output, model=EXTRACTED),
    output:
        "results/tables/failed.tsv",
    log:
        "results/logs/list_failed.log",
    benchmark:
        "results/benchmarks/list_failed.tsv"
    retries: 0  # the records are gone, and the models are still broken
    localrule: True
    conda:
        "../envs/kernel-atlas.yaml"
    params:
        version=versions.FAILURES,
    message:
        "Listing the models that could not be extracted"
    script:
        "../workflow/scripts/list_failed.py"


# what the last run could not extract: tried again, since nothing is left of it
FAILED = read_failed(rules.list_failed.output[0])


rule check_extracted:
    # Late, so that its line ends the output of a run.
    input:
        failed=rules.list_failed.output[0],
        clustered=rules.summarise_classes.output.clustered,
    output:
        touch("results/all_extracted"),
    log:
        "results/logs/check_extracted.log",
    benchmark:
        "results/benchmarks/check_extracted.tsv"
    retries: 0  # the records are gone, and the models are still broken
    localrule: True
    conda:
        "../envs/kernel-atlas.yaml"
    params:
        n_models=len(EXTRACTED),
        version=versions.FAILURES,
    message:
        "Checking that all models could be extracted"
    script:
        "../workflow/scripts/check_extracted.py"
