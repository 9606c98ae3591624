"""Put the atlas page together: one HTML file that opens offline.

Inputs:  results/tables/, results/kernels.zarr/, results/classes/, codebooks and labels
Outputs: results/atlas.html
"""


rule build_page:
    input:
        models=rules.list_models.output.models,
        clustered=rules.summarise_classes.output.clustered,
        layers=rules.summarise_classes.output.layers,
        groups=every(rules.extract_kernels.output, model=MODELS),
        classes=every(
            "results/classes/{model}/k{size}.parquet", model=MODELS, size=SIZES
        ),
        codebooks=[CODEBOOKS[str(size)] for size in CODEBOOK_SIZES],
        labels=expand(rules.label_codebook.output.labels, size=CODEBOOK_SIZES),
    output:
        page="results/atlas.html",
    log:
        "results/logs/build_page.log",
    benchmark:
        "results/benchmarks/build_page.tsv"
    conda:
        "../envs/kernel-atlas.yaml"
    resources:
        runtime=grow(30),
    params:
        models=MODELS,
        sizes=SIZES,
        thresholds=[config["thresholds"][f"k{size}"] for size in SIZES],
        codebook_sizes=CODEBOOK_SIZES,
        merge=sorted(config["merge"].items()),
        sheets=config["sheets"],
        ruler=config["figures"]["ruler"],
        colours=config["figures"]["colours"],
        version=versions.PAGE,
    message:
        "Building the atlas page {output.page}"
    script:
        "../workflow/scripts/build_page.py"
