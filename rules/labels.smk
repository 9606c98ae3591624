"""Label the intervals of the code with classes.

Inputs:  a size's codebook; results/kernels.zarr/<train model>/ of all train models;
         the user's own label table if config.yaml names one
Outputs: results/labels/k<size>.tsv, a table that a person can read and edit
"""


rule label_codebook:
    input:
        codebook=lookup("{size}", within=CODEBOOKS),
        groups=every(rules.extract_kernels.output, model=TRAIN_MODELS),
        own_labels=get_own_labels,
    output:
        labels="results/labels/k{size}.tsv",
    log:
        "results/logs/label_codebook/k{size}.log",
    benchmark:
        "results/benchmarks/label_codebook/k{size}.tsv"
    conda:
        "../envs/kernel-atlas.yaml"
    resources:
        runtime=grow(30),
    params:
        threshold=lookup("thresholds/k{size}", within=config),
        min_purity=config["min_purity"],
        version=versions.LABEL,
    message:
        "Labelling the codebook of {wildcards.size}x{wildcards.size} kernels"
    script:
        "../workflow/scripts/label_codebook.py"
