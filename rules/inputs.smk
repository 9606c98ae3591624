"""What rules ask of a model's row, of all models or of a kernel size: functions of the wildcards."""


def every(pattern, **values):
    """A file for each of the values, as an input function.

    Given a named list, Snakemake would hash the whole list once for each file in it.
    """

    def get_files(wildcards):
        return expand(pattern, **values)

    return get_files


def get_row(wildcards):
    """The row of a model that has a checkpoint of its own."""
    row = ROWS.get(wildcards.model)
    if row is None or row.skipped:
        raise WorkflowError(f"the sheet has no model {wildcards.model} to extract")
    return row


def grow(amount):
    """Memory or run time that grows with the attempt, so that a retry may succeed."""

    def get_amount(wildcards, attempt):
        return attempt * amount

    return get_amount


def get_source(wildcards):
    """The source in a model's row."""
    return get_row(wildcards).source


def get_sha256(wildcards):
    """The checksum in a model's row."""
    return get_row(wildcards).sha256


def get_choice(wildcards):
    """Which entry of the checkpoint a model's row reads, and which layers it counts."""
    row = get_row(wildcards)
    return [row.weights, row.include, row.exclude]


def get_stamp(wildcards):
    """What shows that a model's source has changed since it was read."""
    row = get_row(wildcards)
    (metadata,) = expand(rules.extract_kernels.output, model=wildcards.model)
    return stamp(row.source, row.sha256, metadata)


def get_architectures(wildcards):
    """The file that holds what timm says of a timm: row."""
    scheme, _, name = get_row(wildcards).source.partition(":")
    if scheme != "timm":
        return []
    return expand(rules.resolve_timm.output, batch=Path(ARCHITECTURES[name]).stem)


def get_regular_sample(wildcards):
    """Slices per layer, and the seed, for a row with role compare."""
    is_compared = wildcards.model in COMPARED
    return (
        [config["regular"]["slices"], config["regular"]["seed"]] if is_compared else []
    )


def get_download_mb(wildcards):
    """The largest file that an extraction may put into results/downloads."""
    row = get_row(wildcards)
    return DOWNLOAD_MB if may_download(row.source, row.sha256) else 0


def get_timm_names(wildcards):
    """The names that a file describes: those in it, or those it is to be written for."""
    (path,) = expand(rules.resolve_timm.output, batch=wildcards.batch)
    return names_in(path) or sorted(
        name for name in ARCHITECTURES if ARCHITECTURES[name] == path
    )


def get_own_labels(wildcards):
    """The user's label table of a kernel size, if there is one."""
    path = config["labels"].get(f"k{wildcards.size}")
    return local(path) if path else []


def get_start(wildcards):
    """The checkpoint that an arm starts from, if it does."""
    scheme, _, path = TRAININGS[wildcards.training].arm.start.partition(":")
    return local(path) if scheme == "file" else []


def get_training_settings(wildcards):
    """All that decides a training besides its seed."""
    return TRAININGS[wildcards.training].arm.settings


def get_training_seed(wildcards):
    """The seed of a training."""
    return TRAININGS[wildcards.training].seed


def get_training_threads(wildcards):
    """For each GPU, a core for the training, and one for each process that loads images."""
    arm = TRAININGS[wildcards.training].arm
    return arm.gpus * (1 + arm.workers)


def get_training_mb(wildcards, attempt):
    """Memory for the processes of a training, one for each GPU."""
    return attempt * 16000 * TRAININGS[wildcards.training].arm.gpus


def get_gpus(wildcards):
    """How many GPUs a training asks for, where jobs are given GPUs."""
    return TRAININGS[wildcards.training].arm.gpus
