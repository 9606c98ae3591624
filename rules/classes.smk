"""Classify the kernels of every model: one job a model, without torch.

Inputs:  results/kernels.zarr/<model>/, the codebooks and label tables of all sizes
Outputs: results/classes/<model>/k<size>.parquet, a row a kernel
         results/classes/<model>/controls.tsv, what chance and simpler methods give
"""


rule classify_kernels:
    input:
        group=rules.extract_kernels.output,
        codebooks=[CODEBOOKS[str(size)] for size in SIZES],
        baselines=expand(rules.fit_baselines.output, size=SIZES),
        labels=expand(rules.label_codebook.output.labels, size=SIZES),
    output:
        classes=expand("results/classes/{{model}}/k{size}.parquet", size=SIZES),
        controls="results/classes/{model}/controls.tsv",
    log:
        "results/logs/classify_kernels/{model}.log",
    benchmark:
        "results/benchmarks/classify_kernels/{model}.tsv"
    conda:
        "../envs/kernel-atlas.yaml"
    params:
        sizes=SIZES,
        kmeans_sizes=config["kmeans"]["sizes"],
        thresholds=[config["thresholds"][f"k{size}"] for size in SIZES],
        version=versions.CLASSIFY,
    message:
        "Classifying the kernels of {wildcards.model}"
    script:
        "../workflow/scripts/classify_kernels.py"
