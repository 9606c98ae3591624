"""Extract kernels: one job per model.

Inputs:  the model's row in the sheet (its source is read by the job itself);
         results/timm/ for timm: rows
Outputs: results/kernels.zarr/<model>/, a group of the store (docs/store.md)
"""


rule extract_kernels:
    # The group is moved to its place whole; its zarr.json stands for all of it.
    input:
        architectures=get_architectures,
    output:
        f"{STORE}/{{model}}/zarr.json",
    log:
        "results/logs/extract_kernels/{model}.log",
    benchmark:
        "results/benchmarks/extract_kernels/{model}.tsv"
    conda:
        "../envs/kernel-atlas.yaml"
    resources:
        runtime=grow(30),
        download_mb=get_download_mb,
        # no parameter: to keep files is no reason to extract again
        keep_downloads=int(config["keep_downloads"]),
    params:
        source=get_source,
        sha256=get_sha256,
        choice=get_choice,
        stamp=get_stamp,
        regular_sample=get_regular_sample,
        version=versions.EXTRACT,
    message:
        "Extracting the kernels of {wildcards.model}"
    script:
        "../workflow/scripts/extract_kernels.py"
