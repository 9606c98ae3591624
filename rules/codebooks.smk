"""Fit the codebooks to the models with role 'train': the one fan-in.

Inputs:  results/kernels.zarr/<train model>/ of all train models
Outputs: results/tables/training_set.tsv
         results/autoencoder/k<size>/{weights.safetensors,codebook.npy,codebooks.npz,history.tsv}
         results/kmeans/k<size>/codebook.npy
         results/baselines/k<size>.npz
Steps:   list_training_set refuses train models without kernels to train on (the other
         rules do not wait for it: a new size must not retrain the others);
         train_autoencoder (one GPU job per size, with all seeds) and cluster_kernels (3x3);
         fit_baselines (simpler methods to compare with)
"""


rule list_training_set:
    input:
        groups=every(rules.extract_kernels.output, model=TRAIN_MODELS),
    output:
        "results/tables/training_set.tsv",
    log:
        "results/logs/list_training_set.log",
    benchmark:
        "results/benchmarks/list_training_set.tsv"
    conda:
        "../envs/kernel-atlas.yaml"
    params:
        sizes=CODEBOOK_SIZES,
        version=versions.TRAIN,
    message:
        "Listing the kernels to train on"
    script:
        "../workflow/scripts/list_training_set.py"


rule train_autoencoder:
    input:
        groups=every(rules.extract_kernels.output, model=TRAIN_MODELS),
    output:
        weights="results/autoencoder/k{size}/weights.safetensors",
        codebook="results/autoencoder/k{size}/codebook.npy",
        codebooks="results/autoencoder/k{size}/codebooks.npz",
        history="results/autoencoder/k{size}/history.tsv",
    log:
        "results/logs/train_autoencoder/k{size}.log",
    benchmark:
        "results/benchmarks/train_autoencoder/k{size}.tsv"
    conda:
        "../envs/kernel-atlas.yaml"
    threads: config["autoencoder"]["seeds"]
    resources:
        mem_mb=grow(8000),
        runtime=grow(240),
    params:
        widths=config["autoencoder"]["widths"],
        epochs=config["autoencoder"]["epochs"],
        refine_epochs=config["autoencoder"]["refine_epochs"],
        length_penalty=config["autoencoder"]["length_penalty"],
        batch_size=config["autoencoder"]["batch_size"],
        learning_rate=config["autoencoder"]["learning_rate"],
        held_out=config["autoencoder"]["held_out"],
        seed=config["autoencoder"]["seed"],
        seeds=config["autoencoder"]["seeds"],
        device=config["autoencoder"]["device"],
        version=versions.TRAIN,
    message:
        "Training the autoencoder of {wildcards.size}x{wildcards.size} kernels"
    script:
        "../workflow/scripts/train_autoencoder.py"


rule cluster_kernels:
    input:
        groups=every(rules.extract_kernels.output, model=TRAIN_MODELS),
    output:
        codebook="results/kmeans/k{size}/codebook.npy",
    log:
        "results/logs/cluster_kernels/k{size}.log",
    benchmark:
        "results/benchmarks/cluster_kernels/k{size}.tsv"
    conda:
        "../envs/kernel-atlas.yaml"
    resources:
        mem_mb=grow(8000),
        runtime=grow(60),
    params:
        n_centres=config["kmeans"]["centres"],
        seed=config["kmeans"]["seed"],
        version=versions.KMEANS,
    message:
        "Clustering {wildcards.size}x{wildcards.size} kernels with k-means"
    script:
        "../workflow/scripts/cluster_kernels.py"


rule fit_baselines:
    input:
        groups=every(rules.extract_kernels.output, model=TRAIN_MODELS),
    output:
        "results/baselines/k{size}.npz",
    log:
        "results/logs/fit_baselines/k{size}.log",
    benchmark:
        "results/benchmarks/fit_baselines/k{size}.tsv"
    conda:
        "../envs/kernel-atlas.yaml"
    resources:
        mem_mb=grow(8000),
        runtime=grow(60),
    params:
        version=versions.CONTROLS,
    message:
        "Fitting baselines to {wildcards.size}x{wildcards.size} kernels"
    script:
        "../workflow/scripts/fit_baselines.py"
