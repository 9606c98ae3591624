"""Ask what the sheet's sources hold, before any weight is read.

Inputs:  the sheet
Outputs: results/timm/<batch>.json, what timm knows of the timm: rows that were
         added together (asked once, since its import takes seconds)
         results/tables/sources.{tsv,txt}, what each row will fetch and hold
"""


rule resolve_timm:
    output:
        "results/timm/{batch}.json",
    log:
        "results/logs/resolve_timm/{batch}.log",
    benchmark:
        "results/benchmarks/resolve_timm/{batch}.tsv"
    conda:
        "../envs/kernel-atlas.yaml"
    params:
        names=get_timm_names,
        version=versions.RESOLVE,
    message:
        "Asking timm for the models of the sheet"
    script:
        "../workflow/scripts/resolve_timm.py"


# the file that describes each timm: name
ARCHITECTURES = assign_files(
    {
        ROWS[model].source.removeprefix("timm:")
        for model in EXTRACTED
        if ROWS[model].source.startswith("timm:")
    },
    Path(rules.resolve_timm.output[0]).parent,
)


rule describe:
    input:
        architectures=expand(
            rules.resolve_timm.output,
            batch=sorted({Path(path).stem for path in ARCHITECTURES.values()}),
        ),
    output:
        tsv="results/tables/sources.tsv",
        txt="results/tables/sources.txt",
    log:
        "results/logs/describe.log",
    benchmark:
        "results/benchmarks/describe.tsv"
    conda:
        "../envs/kernel-atlas.yaml"
    resources:
        runtime=grow(30),
    params:
        rows=[
            [row.model, row.source, row.sha256, row.role, row.skipped]
            + [row.weights, row.include, row.exclude]
            for row in ROWS.values()
        ],
        sizes=SIZES,
        version=versions.RESOLVE,
    message:
        "Asking what the sources of the sheet hold"
    script:
        "../workflow/scripts/describe.py"
