"""Extract depthwise kernels: one job a model.

Inputs:  the model's row in the sheet (its source is read by the job itself)
Outputs: results/kernels.zarr/<model>/, a group of the store (docs/store.md)
"""


rule extract_kernels:
    # The group is moved to its place whole; its zarr.json stands for all of it.
    output:
        f"{STORE}/{{model}}/zarr.json",
    log:
        "results/logs/extract_kernels/{model}.log",
    benchmark:
        "results/benchmarks/extract_kernels/{model}.tsv"
    conda:
        "../envs/kernel-atlas.yaml"
    resources:
        mem_mb=4000,
        runtime=30,
    params:
        source=lookup("{model}/source", within=SHEET),
        sha256=lookup("{model}/sha256", within=SHEET),
        stamp=get_stamp,
        version=versions.EXTRACT,
    message:
        "Extracting the depthwise kernels of {wildcards.model}"
    script:
        "../workflow/scripts/extract_kernels.py"
