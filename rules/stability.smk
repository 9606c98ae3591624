"""Compare the classes that the seeds of each autoencoder give.

Inputs:  results/kernels.zarr/<train model>/, results/autoencoder/: the codebooks of all seeds
Outputs: results/tables/stability.tsv, one row per seed and per pair of seeds
         results/tables/stability_classes.tsv, the same for each class
         results/tables/confusion.tsv, one row per pair of seeds and two classes
"""


rule compare_seeds:
    input:
        groups=every(rules.extract_kernels.output, model=TRAIN_MODELS),
        codebooks=expand(
            rules.train_autoencoder.output.codebooks,
            size=config["autoencoder"]["sizes"],
        ),
        kept=expand(
            rules.train_autoencoder.output.codebook,
            size=config["autoencoder"]["sizes"],
        ),
    output:
        seeds=report(
            "results/tables/stability.tsv",
            caption="../workflow/report/stability_table.rst",
            **place_table("agreement of seeds"),
        ),
        classes=report(
            "results/tables/stability_classes.tsv",
            caption="../workflow/report/stability_classes_table.rst",
            **place_table("agreement of seeds by class"),
        ),
        confusion="results/tables/confusion.tsv",
    log:
        "results/logs/compare_seeds.log",
    benchmark:
        "results/benchmarks/compare_seeds.tsv"
    conda:
        "../envs/kernel-atlas.yaml"
    resources:
        runtime=grow(30),
    params:
        sizes=config["autoencoder"]["sizes"],
        thresholds=[
            config["thresholds"][f"k{size}"] for size in config["autoencoder"]["sizes"]
        ],
        min_purity=config["min_purity"],
        labels_version=versions.LABEL,
        classify_version=versions.CLASSIFY,
        version=versions.STABILITY,
    message:
        "Comparing the classes that the seeds give"
    script:
        "../workflow/scripts/compare_seeds.py"
