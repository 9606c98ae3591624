"""What all stages share: the checked configuration, the model sheet, the wildcards.

Functions with a branch live in src/kernel_atlas, where tests reach them.
"""

import os
import re
from dataclasses import asdict
from pathlib import Path

import yaml
from snakemake.utils import update_config

try:
    from kernel_atlas import __version__, versions
    from kernel_atlas.config import check_config, kernel_sizes
    from kernel_atlas.errors import AtlasError
    from kernel_atlas.extraction.failed import read_failed
    from kernel_atlas.figures.registry import FIGURES
    from kernel_atlas.jobs import SNAKEMAKE
    from kernel_atlas.sheet import read_sheets
    from kernel_atlas.sources.schemes import DOWNLOAD_MB, may_download, stamp
    from kernel_atlas.sources.timm import assign_files, names_in
except ImportError as error:
    raise WorkflowError(
        f"the kernel_atlas package cannot be imported ({error}); install it into the "
        "environment that runs snakemake: pip install -r requirements.txt -e ."
    )

with open(workflow.source_path("../src/kernel_atlas/__init__.py")) as file:
    if f'__version__ = "{__version__}"' not in file.read():
        raise WorkflowError(
            f"the installed kernel_atlas {__version__} is not the one of this workflow; "
            "install that: pip install -r requirements.txt -e ."
        )

STORE = "results/kernels.zarr"

os.environ[SNAKEMAKE] = str(os.getpid())


def beside_snakefile(path):
    """A path relative to the working directory, else to the folder of the Snakefile."""
    if Path(path).exists() or Path(path).is_absolute():
        return path
    try:
        return workflow.source_path(f"../{path}")
    except FileNotFoundError:
        return path  # whoever reads it says so


# where a workflow that uses this one as a module passes a config, `configfile:` is not read
with open(workflow.source_path("../config.yaml")) as file:
    defaults = yaml.safe_load(file)
update_config(defaults, config)
config.update(defaults)

try:
    with open(workflow.source_path("../workflow/schemas/config.schema.yaml")) as file:
        check_config(config, yaml.safe_load(file))
    ROWS = {
        row.model: row for row in read_sheets(map(beside_snakefile, config["sheets"]))
    }
except AtlasError as error:
    raise WorkflowError(str(error))

# rows without a checkpoint of their own, and why
SKIPPED = {model: row.skipped for model, row in ROWS.items() if row.skipped}
EXTRACTED = [model for model in ROWS if model not in SKIPPED]
COMPARED = [model for model in EXTRACTED if ROWS[model].role == "compare"]
MODELS = [model for model in EXTRACTED if model not in COMPARED]
# in the tables: these, their duplicates and what was never released
LISTED = [model for model in ROWS if model not in COMPARED]
# for each, the model whose results are its own: another for a duplicate
RESULTS_OF = [ROWS[model].duplicate_of or model for model in LISTED]
TRAIN_MODELS = sorted(model for model in MODELS if ROWS[model].role == "train")
SHEET = {model: asdict(row) for model, row in ROWS.items()}
SIZES = kernel_sizes(config)
# by size as a wildcard's value, from the autoencoder or from k-means
CODEBOOKS = {
    str(size): f"results/{road}/k{size}/codebook.npy"
    for road in ("autoencoder", "kmeans")
    for size in config[road]["sizes"]
}


wildcard_constraints:
    batch="[0-9a-f]{8}",
    model="|".join(map(re.escape, EXTRACTED)),
    size="|".join(map(str, SIZES)),


onstart:
    for model, reason in SKIPPED.items():
        logger.info(f"Not extracted: {model} ({reason})")
