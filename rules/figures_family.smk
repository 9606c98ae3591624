"""Draw the DoG family, which the classes are named after, and what each class looks like.

Inputs:  results/kernels.zarr/<model>/ and results/classes/<model>/ of all models
Outputs: results/figures/family/{functions,derivatives,grid,crosses}, of no input
         results/figures/k<size>/means, results/tables/means_k<size>.tsv
"""


rule plot_family:
    output:
        functions=report(
            "results/figures/family/functions.png",
            caption="../workflow/report/family.rst",
            category="Clusters",
            labels={"kernels": "DoG family", "figure": "functions"},
        ),
        functions_svg="results/figures/family/functions.svg",
        derivatives=report(
            "results/figures/family/derivatives.png",
            caption="../workflow/report/family.rst",
            category="Clusters",
            labels={"kernels": "DoG family", "figure": "all derivatives"},
        ),
        derivatives_svg="results/figures/family/derivatives.svg",
        grid=report(
            "results/figures/family/grid.png",
            caption="../workflow/report/family.rst",
            category="Clusters",
            labels={"kernels": "DoG family", "figure": "all derivatives on a grid"},
        ),
        grid_svg="results/figures/family/grid.svg",
        crosses=report(
            "results/figures/family/crosses.png",
            caption="../workflow/report/family.rst",
            category="Clusters",
            labels={"kernels": "DoG family", "figure": "crosses"},
        ),
        crosses_svg="results/figures/family/crosses.svg",
    log:
        "results/logs/plot_family.log",
    benchmark:
        "results/benchmarks/plot_family.tsv"
    conda:
        "../envs/kernel-atlas.yaml"
    params:
        dpi=config["figures"]["dpi"],
        version=versions.FIGURES,
    message:
        "Drawing the DoG family"
    script:
        "../workflow/scripts/plot_family.py"


rule plot_means:
    input:
        groups=expand(rules.extract_kernels.output, model=MODELS),
        classes=expand("results/classes/{model}/k{{size}}.parquet", model=MODELS),
    output:
        means="results/tables/means_k{size}.tsv",
        png=report(
            "results/figures/k{size}/means.png",
            caption="../workflow/report/means.rst",
            category="Clusters",
            labels={"kernels": "{size}x{size}", "figure": "mean kernels"},
        ),
        svg="results/figures/k{size}/means.svg",
    log:
        "results/logs/plot_means/k{size}.log",
    benchmark:
        "results/benchmarks/plot_means/k{size}.tsv"
    conda:
        "../envs/kernel-atlas.yaml"
    params:
        dpi=config["figures"]["dpi"],
        version=versions.FIGURES,
    message:
        "Averaging each class of {wildcards.size}x{wildcards.size} kernels"
    script:
        "../workflow/scripts/plot_means.py"
