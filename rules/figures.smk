"""Draw the figures across models, each as PNG and SVG.

Inputs:  results/autoencoder/ and results/kmeans/, results/labels/, results/tables/
Outputs: results/figures/{clustered,sweep}, results/figures/k<size>/{spectrum,history}
"""


rule plot_spectrum:
    input:
        codebook=lookup("{size}", within=CODEBOOKS),
        labels=rules.label_codebook.output.labels,
    output:
        png=report(
            "results/figures/k{size}/spectrum.png",
            caption="../workflow/report/spectrum.rst",
            category="Clusters",
            labels={"kernels": "{size}x{size}", "figure": "spectrum"},
        ),
        svg="results/figures/k{size}/spectrum.svg",
    log:
        "results/logs/plot_spectrum/k{size}.log",
    benchmark:
        "results/benchmarks/plot_spectrum/k{size}.tsv"
    conda:
        "../envs/kernel-atlas.yaml"
    params:
        dpi=config["figures"]["dpi"],
        version=versions.FIGURES,
    message:
        "Drawing the spectrum of {wildcards.size}x{wildcards.size} kernels"
    script:
        "../workflow/scripts/plot_spectrum.py"


rule plot_history:
    input:
        history=rules.train_autoencoder.output.history,
    output:
        png=report(
            "results/figures/k{size}/history.png",
            caption="../workflow/report/history.rst",
            category="Clusters",
            labels={"kernels": "{size}x{size}", "figure": "training"},
        ),
        svg="results/figures/k{size}/history.svg",
    log:
        "results/logs/plot_history/k{size}.log",
    benchmark:
        "results/benchmarks/plot_history/k{size}.tsv"
    conda:
        "../envs/kernel-atlas.yaml"
    params:
        threshold=lookup("thresholds/k{size}", within=config),
        dpi=config["figures"]["dpi"],
        version=versions.FIGURES,
    message:
        "Drawing the training history of {wildcards.size}x{wildcards.size} kernels"
    script:
        "../workflow/scripts/plot_history.py"


rule plot_clustered:
    input:
        clustered=rules.summarise_classes.output.clustered,
    output:
        png=report(
            "results/figures/clustered.png",
            caption="../workflow/report/clustered.rst",
            category="All models",
            labels={"what": "clustered percentages", "form": "figure"},
        ),
        svg="results/figures/clustered.svg",
    log:
        "results/logs/plot_clustered.log",
    benchmark:
        "results/benchmarks/plot_clustered.tsv"
    conda:
        "../envs/kernel-atlas.yaml"
    params:
        dpi=config["figures"]["dpi"],
        version=versions.FIGURES,
    message:
        "Drawing the clustered percentages of all models"
    script:
        "../workflow/scripts/plot_clustered.py"


rule plot_sweep:
    input:
        sweep=rules.summarise_classes.output.sweep,
    output:
        png=report(
            "results/figures/sweep.png",
            caption="../workflow/report/sweep.rst",
            category="All models",
            labels={"what": "thresholds and controls", "form": "figure"},
        ),
        svg="results/figures/sweep.svg",
    log:
        "results/logs/plot_sweep.log",
    benchmark:
        "results/benchmarks/plot_sweep.tsv"
    conda:
        "../envs/kernel-atlas.yaml"
    params:
        sizes=SIZES,
        thresholds=[config["thresholds"][f"k{size}"] for size in SIZES],
        dpi=config["figures"]["dpi"],
        version=versions.FIGURES,
    message:
        "Drawing the clustered percentages over thresholds"
    script:
        "../workflow/scripts/plot_sweep.py"
