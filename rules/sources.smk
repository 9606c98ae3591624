"""Ask what the sheet's sources hold, before any weight is read.

Inputs:  the sheet
Outputs: results/timm.json, what timm knows of all timm: rows (asked once: its
         import takes seconds)
         results/tables/sources.{tsv,txt}, what each row will fetch and hold
"""


rule resolve_timm:
    output:
        ARCHITECTURES,
    log:
        "results/logs/resolve_timm.log",
    benchmark:
        "results/benchmarks/resolve_timm.tsv"
    conda:
        "../envs/kernel-atlas.yaml"
    resources:
        mem_mb=4000,
        runtime=30,
    params:
        names=sorted(TIMM_NAMES),
        version=versions.RESOLVE,
    message:
        "Asking timm for the models of the sheet"
    script:
        "../workflow/scripts/resolve_timm.py"


rule describe:
    input:
        architectures=ARCHITECTURES if TIMM_NAMES else [],
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
        mem_mb=4000,
        runtime=30,
    params:
        models=list(ROWS),
        sources=[row.source for row in ROWS.values()],
        roles=[row.role for row in ROWS.values()],
        skipped=[row.skipped for row in ROWS.values()],
        sizes=SIZES,
        version=versions.RESOLVE,
    message:
        "Asking what the sources of the sheet hold"
    script:
        "../workflow/scripts/describe.py"
