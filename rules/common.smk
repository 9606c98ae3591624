"""What all stages share: the checked configuration, the model sheet, and the wildcards.

Functions with a branch live in src/kernel_atlas, where tests reach them.
"""

import gc
import os
import re
import threading
from dataclasses import astuple
from pathlib import Path

import yaml
from snakemake.utils import update_config

try:
    from kernel_atlas import __version__, versions
    from kernel_atlas.config import (
        check_config,
        check_keys,
        codebook_sizes,
        kernel_sizes,
    )
    from kernel_atlas.errors import AtlasError
    from kernel_atlas.experiments.arms import FOLDER as EXPERIMENTS, read_arms
    from kernel_atlas.figures.registry import DRAWINGS, FIGURES, place_table
    from kernel_atlas.sheet import MODEL_ID, read_sheets
    from kernel_atlas.sources.schemes import DOWNLOAD_MB, may_download, stamp
    from kernel_atlas.sources.timm import assign_files, names_in
    from kernel_atlas.watcher import SNAKEMAKE
except ImportError as error:
    raise WorkflowError(
        f"the kernel_atlas package cannot be imported ({error}); install it into the "
        "environment that runs snakemake: pip install -r requirements.txt -e ."
    )

with open(workflow.source_path("../src/kernel_atlas/__init__.py")) as file:
    if f'__version__ = "{__version__}"' not in file.read():
        raise WorkflowError(
            f"the installed kernel_atlas {__version__} is not the version of this workflow; "
            "install that version: pip install -r requirements.txt -e ."
        )

if set("{}") & set(str(workflow.current_basedir)):
    raise WorkflowError(
        f"the path {workflow.current_basedir} has braces, which Snakemake takes for "
        "wildcards; move the clone to a path without braces"
    )

# Snakemake keeps its jobs and files until it ends. With 1,000 models, searching them for garbage
# as often as Python does by default would take a ninth of its time.
gc.set_threshold(100_000, 50, 50)

STORE = "results/kernels.zarr"
CHECKPOINT_SHEET = f"{EXPERIMENTS}/models.tsv"

os.environ[SNAKEMAKE] = str(os.getpid())


def beside_snakefile(path):
    """A path relative to the working directory, else to the folder of the Snakefile."""
    if Path(path).exists() or Path(path).is_absolute():
        return path
    try:
        return workflow.source_path(f"../{path}")
    except FileNotFoundError:
        return path  # the reader of the file reports it


# a workflow that uses this one as a module with a config of its own skips `configfile:`
with open(workflow.source_path("../config.yaml")) as file:
    defaults = yaml.safe_load(file)
update_config(defaults, config)
config.update(defaults)

try:
    for path in workflow.configfiles:
        check_keys(path)
    with open(workflow.source_path("../workflow/schemas/config.schema.yaml")) as file:
        check_config(config, yaml.safe_load(file))
    ARMS = read_arms(config["experiments"])
    sheets = [beside_snakefile(path) for path in config["sheets"]]
    # written by `snakemake train_experiments`, and read by the next call
    if ARMS and Path(CHECKPOINT_SHEET).exists():
        sheets.append(CHECKPOINT_SHEET)
    ROWS = {row.model: row for row in read_sheets(sheets)}
except AtlasError as error:
    raise WorkflowError(str(error))

# rows without a checkpoint of their own, and why
SKIPPED = {model: row.skipped for model, row in ROWS.items() if row.skipped}
EXTRACTED = [model for model in ROWS if model not in SKIPPED]
COMPARED = [model for model in EXTRACTED if ROWS[model].role == "compare"]
MODELS = [model for model in EXTRACTED if model not in COMPARED]
TRAIN_MODELS = sorted(model for model in MODELS if ROWS[model].role == "train")
SIZES = kernel_sizes(config)  # all that are measured
CODEBOOK_SIZES = codebook_sizes(config)
TRAININGS = {each.name: each for arm in ARMS.values() for each in arm.trainings}
ON_CPU = {name for name, each in TRAININGS.items() if each.arm.device == "cpu"}
# by size as the value of a wildcard, from the autoencoder or from k-means
CODEBOOKS = {
    str(size): f"results/{road}/k{size}/codebook.npy"
    for road in ("autoencoder", "kmeans")
    for size in config[road]["sizes"]
}


def one_of(names):
    """What a wildcard may be, as a pattern; of no names, a pattern that nothing fits."""
    return "|".join(map(re.escape, sorted(names))) or "(?!)"


wildcard_constraints:
    batch="[0-9a-f]{8}",
    # all ids of a sheet would be part of each path, and searched each time one is filled in
    model=MODEL_ID,
    size="|".join(map(str, SIZES)),
    training=one_of(TRAININGS),


onstart:
    for model, reason in SKIPPED.items():
        logger.info(f"Not extracted: {model} ({reason})")


def cancel_timers():
    """End the timers that Snakemake has left: it would wait for them, up to three seconds."""
    for thread in threading.enumerate():
        if isinstance(thread, threading.Timer):
            thread.cancel()


onsuccess:
    cancel_timers()


onerror:
    cancel_timers()
    # again, as the last line: other jobs may have ended after check_extracted
    from kernel_atlas.extraction.failed import check_extracted

    try:
        check_extracted(rules.list_models.output.failed, len(EXTRACTED))
    except FileNotFoundError:
        pass  # nothing has been extracted yet, as when a training fails
    except (AtlasError, OSError) as error:
        logger.error(str(error))
