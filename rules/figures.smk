"""Draw all figures of src/kernel_atlas/figures/registry.py: all of a model in one job.

Inputs:  results/kernels.zarr/, results/classes/, results/autoencoder/, results/kmeans/,
         results/labels/, results/tables/, results/experiments/
Outputs: results/figures/**.png, the same as .svg
"""

# by subject in the registry: the wildcards of which there is one figure each
SUBJECTS = {
    "models": {"model": MODELS},
    "compared": {"model": COMPARED},
    "sizes": {"size": list(CODEBOOKS)},
    "autoencoders": {"size": config["autoencoder"]["sizes"]},
    "kmeans": {"size": config["kmeans"]["sizes"]},
    "family": {},
    "run": {},
    "experiments": {},
}

# by name in the registry; a group is the zarr.json that stands for a model's group
INPUTS = {
    "group": rules.extract_kernels.output[0],
    "classes": rules.classify_kernels.output.classes,
    "groups": every(rules.extract_kernels.output, model=MODELS),
    "compared_groups": every(rules.extract_kernels.output, model=COMPARED),
    "size_classes": every("results/classes/{model}/k{{size}}.parquet", model=MODELS),
    "train_groups": every(rules.extract_kernels.output, model=TRAIN_MODELS),
    "train_classes": every(
        "results/classes/{model}/k{{size}}.parquet", model=TRAIN_MODELS
    ),
    "codebook": lookup("{size}", within=CODEBOOKS),
    "labels": rules.label_codebook.output.labels,
    "history": rules.train_autoencoder.output.history,
    "clustered": rules.summarise_classes.output.clustered,
    "layers": rules.summarise_classes.output.layers,
    "models": rules.list_models.output.models,
    "sweep": rules.summarise_classes.output.sweep,
    "measures": rules.gather_measures.output.models,
    "measured_layers": rules.gather_measures.output.layers,
    "stability": rules.compare_seeds.output.seeds,
    "stability_classes": rules.compare_seeds.output.classes,
    "means": "results/tables/means_k{size}.npz",
    "checkpoints": rules.list_checkpoints.output.checkpoints,
    "histories": every(rules.train_network.output.history, training=TRAININGS),
    "experiment_groups": every(rules.extract_kernels.output, model=CHECKPOINTS),
    "movement": rules.measure_movement.output.movement,
}
SETTINGS = {
    "model": "{model}",
    "size": lookup("{size}", within={str(size): size for size in SIZES}),
    "sizes": SIZES,
    "widths": config["autoencoder"]["widths"],
    "threshold": lookup("thresholds/k{size}", within=config),
    "thresholds": {size: config["thresholds"][f"k{size}"] for size in SIZES},
    "merge": dict(sorted(config["merge"].items())),
    "ruler": config["figures"]["ruler"],
    "colours": config["figures"]["colours"],
    "n_samples": config["figures"]["samples"],
    "contrast": config["figures"]["contrast"],
}

for name, figures in DRAWINGS.items():
    words = " ".join(f"{figure.inputs} {figure.settings}" for figure in figures).split()
    paths = [figure.path for figure in figures]
    job = f"{name}/{Path(paths[0]).parts[0]}" if "{" in paths[0] else name

    rule:
        name:
            name
        input:
            **{key: INPUTS[key] for key in INPUTS if key in words},
        output:
            [f"results/figures/{path}.svg" for path in paths],
            **{
                figure.name: report(
                    f"results/figures/{figure.path}.png",
                    caption=f"../workflow/report/{figure.name}.rst",
                    **figure.place,
                )
                for figure in figures
            },
        log:
            f"results/logs/{job}.log",
        benchmark:
            f"results/benchmarks/{job}.tsv"
        conda:
            "../envs/kernel-atlas.yaml"
        params:
            **{key: SETTINGS[key] for key in SETTINGS if key in words},
            versions={figure.name: figure.version for figure in figures},
            dpi=config["figures"]["dpi"],
        message:
            f"Drawing {', '.join(paths)}".replace("{", "{wildcards.")
        script:
            "../workflow/scripts/plot_figures.py"


FIGURE_FILES = [
    path
    for figure in FIGURES.values()
    if figure.subject != "experiments"  # of experiment_results
    for path in expand(
        f"results/figures/{figure.path}.{{suffix}}",
        suffix=("png", "svg"),
        **SUBJECTS[figure.subject],
    )
]
