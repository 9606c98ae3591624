"""Train networks from a chosen start: `snakemake train_experiments`, outside `rule all`.

Inputs:  the images that each arm's `data` names, which the job itself reads;
         the checkpoint of an arm that starts from one
Outputs: results/experiments/<arm>-s<seed>/history.tsv, and beside it (not declared, so that a
         job that fails does not delete them) epoch_<epoch>.safetensors of each kept epoch
         results/experiments/models.tsv, a model sheet with a row per kept epoch, which later calls
         add to the sheets of the configuration; checkpoints.tsv, the same with accuracy
Steps:   train_network, or train_network_on_cpu for arms with `device: cpu` (one job per arm and
         seed; it resumes after a kill); list_checkpoints once all are trained
"""


rule train_network:
    input:
        start=get_start,
    output:
        history=f"{EXPERIMENTS}/{{training}}/history.tsv",
    log:
        "results/logs/train_network/{training}.log",
    benchmark:
        "results/benchmarks/train_network/{training}.tsv"
    wildcard_constraints:
        training=one_of(TRAININGS.keys() - ON_CPU),
    conda:
        "../envs/kernel-atlas.yaml"
    threads: get_training_threads
    resources:
        mem_mb=get_training_mb,
        runtime=grow(1440),
        gpu_jobs=1,
        gpu=get_gpus,
    params:
        settings=get_training_settings,
        seed=get_training_seed,
        version=versions.TRAIN_NETWORK,
    message:
        "Training {wildcards.training}"
    script:
        "../workflow/scripts/train_network.py"


use rule train_network as train_network_on_cpu with:
    wildcard_constraints:
        training=one_of(ON_CPU),
    resources:
        mem_mb=get_training_mb,
        runtime=grow(1440),


rule list_checkpoints:
    input:
        histories=every(rules.train_network.output.history, training=TRAININGS),
    output:
        sheet=CHECKPOINT_SHEET,
        checkpoints=f"{EXPERIMENTS}/checkpoints.tsv",
    log:
        "results/logs/list_checkpoints.log",
    benchmark:
        "results/benchmarks/list_checkpoints.tsv"
    localrule: True
    conda:
        "../envs/kernel-atlas.yaml"
    params:
        trainings=[[each.arm.settings, each.seed] for each in TRAININGS.values()],
        version=versions.CHECKPOINTS,
    message:
        "Listing the weights of all kept epochs"
    script:
        "../workflow/scripts/list_checkpoints.py"


rule train_experiments:
    input:
        rules.list_checkpoints.output,
