"""Draw all figures: one rule plot_<name> for each line of src/kernel_atlas/figures/registry.py.

Inputs:  results/kernels.zarr/, results/classes/, results/autoencoder/, results/kmeans/,
         results/labels/, results/tables/
Outputs: results/figures/**.png, the same as .svg
"""

# by subject in the registry: the wildcards of which there is one figure each
SUBJECTS = {
    "models": {"model": MODELS},
    "compared": {"model": COMPARED},
    "sizes": {"size": list(CODEBOOKS)},
    "autoencoders": {"size": config["autoencoder"]["sizes"]},
    "family": {},
    "run": {},
}

# by name in the registry; a group is the zarr.json that stands for a model's group
INPUTS = {
    "group": rules.extract_kernels.output[0],
    "classes": rules.classify_kernels.output.classes,
    "groups": expand(rules.extract_kernels.output, model=MODELS),
    "size_classes": expand("results/classes/{model}/k{{size}}.parquet", model=MODELS),
    "train_groups": expand(rules.extract_kernels.output, model=TRAIN_MODELS),
    "train_classes": expand(
        "results/classes/{model}/k{{size}}.parquet", model=TRAIN_MODELS
    ),
    "codebook": lookup("{size}", within=CODEBOOKS),
    "labels": rules.label_codebook.output.labels,
    "history": rules.train_autoencoder.output.history,
    "clustered": rules.summarise_classes.output.clustered,
    "layers": rules.summarise_classes.output.layers,
    "models": rules.list_models.output.models,
    "imagenet": beside_snakefile("models/imagenet.tsv"),
    "sweep": rules.summarise_classes.output.sweep,
    "stability": rules.compare_seeds.output.seeds,
    "stability_classes": rules.compare_seeds.output.classes,
    "means": rules.average_classes.output.means,
}
SETTINGS = {
    "model": "{model}",
    "size": lookup("{size}", within={str(size): size for size in SIZES}),
    "sizes": SIZES,
    "threshold": lookup("thresholds/k{size}", within=config),
    "thresholds": {size: config["thresholds"][f"k{size}"] for size in SIZES},
    "merge": dict(sorted(config["merge"].items())),
    "ruler": config["figures"]["ruler"],
    "colours": config["figures"]["colours"],
    "n_samples": config["figures"]["samples"],
    "contrast": config["figures"]["contrast"],
}

for figure in FIGURES.values():

    rule:
        name:
            f"plot_{figure.name}"
        input:
            **{key: INPUTS[key] for key in figure.inputs.split()},
        output:
            png=report(
                f"results/figures/{figure.path}.png",
                caption=f"../workflow/report/{figure.name}.rst",
                **figure.place,
            ),
            svg=f"results/figures/{figure.path}.svg",
        log:
            f"results/logs/{figure.job}.log",
        benchmark:
            f"results/benchmarks/{figure.job}.tsv"
        conda:
            "../envs/kernel-atlas.yaml"
        params:
            **{key: SETTINGS[key] for key in figure.settings.split()},
            name=figure.name,
            dpi=config["figures"]["dpi"],
            version=figure.version,
        message:
            "Drawing {output.png}"
        script:
            "../workflow/scripts/plot_figure.py"


FIGURE_FILES = [
    path
    for figure in FIGURES.values()
    for path in expand(
        f"results/figures/{figure.path}.{{suffix}}",
        suffix=("png", "svg"),
        **SUBJECTS[figure.subject],
    )
]
