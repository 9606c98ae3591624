"""What rules ask of a row or a size: named functions of the wildcards."""


def grow(amount):
    """Memory or run time that grows with the attempt, so that a retry may succeed."""

    def get_amount(wildcards, attempt):
        return attempt * amount

    return get_amount


def in_batches(stage):
    """The group of a model's jobs: on a cluster, 25 models make a submission, or an eighth."""

    def get_group(wildcards):
        return f"{stage}{EXTRACTED.index(wildcards.model) // 25 % 8}"

    return get_group


def _present(models):
    """Those of these models that could be extracted."""
    if workflow.dryrun and not FAILED.keys() & EXTRACTED:
        return models  # what a run does if new rows turn out well
    failed = FAILED  # of the last run, for a report or a graph
    if workflow.executor_plugin is not None:
        failed = read_failed(checkpoints.list_failed.get().output[0])
    return [model for model in models if model not in failed]


def get_models(wildcards):
    """The models that are classified."""
    return _present(MODELS)


def get_train_models(wildcards):
    """The models that codebooks are fitted to."""
    present = _present(TRAIN_MODELS)
    if not present:
        raise WorkflowError(
            "no model with role 'train' could be extracted, so nothing can be trained or "
            f"classified; {rules.list_failed.output[0]} has the causes"
        )
    return present


def get_compared(wildcards):
    """The models that samples of regular convolutions are drawn of."""
    return _present(COMPARED)


def once_listed(*outputs):
    """Outputs that are asked for when list_failed has told what they are made of.

    Otherwise Snakemake plans them before, and makes them even if nothing has changed.
    """

    def get_outputs(wildcards):
        _present([])
        return [path for output in outputs for path in output]

    return get_outputs


def get_notes(wildcards):
    """Why a listed model has no results of its own."""
    present = _present(EXTRACTED)
    failed = set(EXTRACTED) - set(present)
    return [
        "not extracted, see failed.tsv" if original in failed else ROWS[model].skipped
        for model, original in zip(LISTED, RESULTS_OF)
    ]


def get_source(wildcards):
    """The source of a model's row; `lookup` would search the whole sheet for it."""
    return SHEET[wildcards.model]["source"]


def get_sha256(wildcards):
    """The checksum of a model's row."""
    return SHEET[wildcards.model]["sha256"]


def get_stamp(wildcards):
    """What shows that a model's source has changed since it was read."""
    row = SHEET[wildcards.model]
    (metadata,) = expand(rules.extract_kernels.output, model=wildcards.model)
    return stamp(row["source"], row["sha256"], metadata)


def get_own_labels(wildcards):
    """The user's label table of a kernel size, if there is one."""
    path = config["labels"].get(f"k{wildcards.size}")
    return local(path) if path else []


def get_architectures(wildcards):
    """The file that holds what timm says, for a timm: row."""
    scheme, _, name = SHEET[wildcards.model]["source"].partition(":")
    if scheme != "timm":
        return []
    return expand(rules.resolve_timm.output, batch=Path(ARCHITECTURES[name]).stem)


def get_timm_names(wildcards):
    """The names that a file tells of: those it has, or those it is to be written for."""
    (path,) = expand(rules.resolve_timm.output, batch=wildcards.batch)
    return names_in(path) or sorted(
        name for name in ARCHITECTURES if ARCHITECTURES[name] == path
    )


def get_regular_sample(wildcards):
    """Slices a layer and seed, for a row with role compare."""
    is_compared = wildcards.model in COMPARED
    return (
        [config["regular"]["slices"], config["regular"]["seed"]] if is_compared else []
    )


def get_download_mb(wildcards):
    """The largest file that an extraction may put into results/downloads."""
    row = SHEET[wildcards.model]
    return DOWNLOAD_MB if may_download(row["source"], row["sha256"]) else 0
