"""Classify the kernels of every model and of chance, average each class. Without torch.

Inputs:  results/kernels.zarr/<model>/, the codebooks and label tables of all sizes
Outputs: results/classes/<model>/k<size>.parquet, one row per kernel
         results/classes/<model>/controls.tsv, its controls and simpler methods
         results/chance.tsv, the same of random directions and fresh kernels
         results/classes/<model>/measures.npz, what rules/measures.smk gathers
         results/tables/means_k<size>.tsv, one row per mean kernel; means_k<size>.npz
"""


rule classify_kernels:
    input:
        group=rules.extract_kernels.output,
        codebooks=[CODEBOOKS[str(size)] for size in CODEBOOK_SIZES],
        baselines=expand(rules.fit_baselines.output, size=SIZES),
        labels=expand(rules.label_codebook.output.labels, size=CODEBOOK_SIZES),
    output:
        classes=expand("results/classes/{{model}}/k{size}.parquet", size=SIZES),
        controls="results/classes/{model}/controls.tsv",
        measures="results/classes/{model}/measures.npz",
    log:
        "results/logs/classify_kernels/{model}.log",
    benchmark:
        "results/benchmarks/classify_kernels/{model}.tsv"
    conda:
        "../envs/kernel-atlas.yaml"
    params:
        sizes=SIZES,
        codebook_sizes=CODEBOOK_SIZES,
        thresholds=[config["thresholds"][f"k{size}"] for size in SIZES],
        version=versions.CLASSIFY,
        signs_version=versions.SIGNS,
        measures_version=versions.MEASURES,
    message:
        "Classifying the kernels of {wildcards.model}"
    script:
        "../workflow/scripts/classify_kernels.py"


rule measure_chance:
    input:
        codebooks=[CODEBOOKS[str(size)] for size in CODEBOOK_SIZES],
        baselines=expand(rules.fit_baselines.output, size=SIZES),
        labels=expand(rules.label_codebook.output.labels, size=CODEBOOK_SIZES),
    output:
        table="results/chance.tsv",
    log:
        "results/logs/measure_chance.log",
    benchmark:
        "results/benchmarks/measure_chance.tsv"
    conda:
        "../envs/kernel-atlas.yaml"
    params:
        sizes=SIZES,
        codebook_sizes=CODEBOOK_SIZES,
        thresholds=[config["thresholds"][f"k{size}"] for size in SIZES],
        version=versions.CLASSIFY,
    message:
        "Measuring what chance gives"
    script:
        "../workflow/scripts/measure_chance.py"


rule average_classes:
    input:
        groups=every(rules.extract_kernels.output, model=MODELS),
        classes=every(
            "results/classes/{model}/k{size}.parquet",
            size=CODEBOOK_SIZES,
            model=MODELS,
        ),
    output:
        tables=expand("results/tables/means_k{size}.tsv", size=CODEBOOK_SIZES),
        means=expand("results/tables/means_k{size}.npz", size=CODEBOOK_SIZES),
    log:
        "results/logs/average_classes.log",
    benchmark:
        "results/benchmarks/average_classes.tsv"
    conda:
        "../envs/kernel-atlas.yaml"
    resources:
        runtime=grow(30),
    params:
        sizes=CODEBOOK_SIZES,
        version=versions.MEANS,
    message:
        "Averaging each class of kernels"
    script:
        "../workflow/scripts/average_classes.py"
