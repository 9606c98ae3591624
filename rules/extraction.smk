"""Extract kernels: one job per model.

Inputs:  the model's row in the sheet (its source is read by the job itself);
         results/timm/ for timm: rows
Outputs: results/kernels.zarr/<model>/, a group of the store (docs/store.md)
"""


def get_source(wildcards):
    """The source in a model's row."""
    return ROWS[wildcards.model].source


def get_sha256(wildcards):
    """The checksum in a model's row."""
    return ROWS[wildcards.model].sha256


def get_stamp(wildcards):
    """What shows that a model's source has changed since it was read."""
    row = ROWS[wildcards.model]
    (metadata,) = expand(rules.extract_kernels.output, model=wildcards.model)
    return stamp(row.source, row.sha256, metadata)


def get_architectures(wildcards):
    """The file that holds what timm says of a timm: row."""
    scheme, _, name = ROWS[wildcards.model].source.partition(":")
    if scheme != "timm":
        return []
    return expand(rules.resolve_timm.output, batch=Path(ARCHITECTURES[name]).stem)


def get_regular_sample(wildcards):
    """Slices per layer, and the seed, for a row with role compare."""
    is_compared = wildcards.model in COMPARED
    return (
        [config["regular"]["slices"], config["regular"]["seed"]] if is_compared else []
    )


def get_download_mb(wildcards):
    """The largest file that an extraction may put into results/downloads."""
    row = ROWS[wildcards.model]
    return DOWNLOAD_MB if may_download(row.source, row.sha256) else 0


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
        stamp=get_stamp,
        regular_sample=get_regular_sample,
        version=versions.EXTRACT,
    message:
        "Extracting the kernels of {wildcards.model}"
    script:
        "../workflow/scripts/extract_kernels.py"
