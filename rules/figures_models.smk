"""Draw the figures of each model, as PNG and SVG.

Inputs:  results/kernels.zarr/<model>/, results/classes/<model>/
Outputs: results/figures/<model>/{layers,samples,sizes}, or slices for role compare
"""


rule plot_model:
    input:
        group=rules.extract_kernels.output,
        classes=rules.classify_kernels.output.classes,
    output:
        layers=report(
            "results/figures/{model}/layers.png",
            caption="../workflow/report/layers.rst",
            category="Models",
            subcategory="{model}",
            labels={"model": "{model}", "figure": "classes by layer"},
        ),
        layers_svg="results/figures/{model}/layers.svg",
        samples=report(
            "results/figures/{model}/samples.png",
            caption="../workflow/report/samples.rst",
            category="Models",
            subcategory="{model}",
            labels={"model": "{model}", "figure": "random samples"},
        ),
        samples_svg="results/figures/{model}/samples.svg",
        sizes=report(
            "results/figures/{model}/sizes.png",
            caption="../workflow/report/sizes.rst",
            category="Models",
            subcategory="{model}",
            labels={"model": "{model}", "figure": "sizes by layer"},
        ),
        sizes_svg="results/figures/{model}/sizes.svg",
    log:
        "results/logs/plot_model/{model}.log",
    benchmark:
        "results/benchmarks/plot_model/{model}.tsv"
    conda:
        "../envs/kernel-atlas.yaml"
    params:
        sizes=SIZES,
        merge=sorted(config["merge"].items()),
        n_samples=config["figures"]["samples"],
        dpi=config["figures"]["dpi"],
        version=versions.FIGURES,
    message:
        "Drawing the figures of {wildcards.model}"
    script:
        "../workflow/scripts/plot_model.py"


rule plot_slices:
    input:
        group=rules.extract_kernels.output,
    output:
        png=report(
            "results/figures/{model}/slices.png",
            caption="../workflow/report/slices.rst",
            category="Models",
            subcategory="{model}",
            labels={"model": "{model}", "figure": "slices of regular convolutions"},
        ),
        svg="results/figures/{model}/slices.svg",
    log:
        "results/logs/plot_slices/{model}.log",
    benchmark:
        "results/benchmarks/plot_slices/{model}.tsv"
    conda:
        "../envs/kernel-atlas.yaml"
    params:
        n_columns=config["figures"]["samples"],
        dpi=config["figures"]["dpi"],
        version=versions.FIGURES,
    message:
        "Drawing the slices of {wildcards.model}"
    script:
        "../workflow/scripts/plot_slices.py"
