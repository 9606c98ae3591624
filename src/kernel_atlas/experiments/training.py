"""Train one arm with one seed, and write what a run classifies and tabulates."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd

from kernel_atlas.atomic import replacing, write_table
from kernel_atlas.errors import AtlasError, one_line
from kernel_atlas.experiments import group
from kernel_atlas.experiments.arms import Training
from kernel_atlas.sources.timm_import import import_timm

# what torch says of it, in an OutOfMemoryError or another RuntimeError
SHORTAGES = {"out of memory": "the GPU", "allocate memory": "the machine"}


def train_network(
    training: Training, folder: str | Path, path_to_log: str | Path | None = None
) -> None:
    """Train, keep the weights of some epochs, and write the history.

    If an earlier run with the same settings was cut off, training goes on after its last whole
    epoch. On a CPU it ends with the same weights as a run that nothing disturbed.

    Parameters
    ----------
    training : Training
    folder : path
        Written there, once the training is complete:

        - epoch_000.safetensors (the start) and so on: a state dict with timm's names for each
          kept epoch, of the moving average if there is one. Its metadata are JSON under the key
          `training`: arm, seed, epoch, network, classes, and the chance of a right guess in
          percent (the share of the largest class of the validation images).
        - history.tsv: one row per epoch from 0, the start. Loss and accuracy are measured without
          augmentation after the epoch, on the validation images and on as many training images.
    path_to_log : path, optional
        What several processes, one for each GPU, add their lines to.

    Raises
    ------
    AtlasError
        If the images or the start cannot be read, the network cannot be built, the loss is not a
        number, or the GPU has too little memory.
    """
    if training.arm.gpus == 1:
        train_here(training, folder)
        return
    from kernel_atlas.experiments.launch import launch

    launch(training, folder, path_to_log)


def train_here(training: Training, folder: str | Path) -> None:
    """Train in this process, which may be one of several; the first one writes the files."""
    import_timm()  # first of all: it mends torchvision
    from kernel_atlas.experiments.run import Run

    folder = Path(folder)
    with _clear_errors(training):
        run = Run(training)
        unfinished = folder / f"unfinished-{run.fingerprint}"
        run.train(unfinished)
    if group.get_rank() > 0:
        return
    for outdated in folder.glob("epoch_*.safetensors"):
        outdated.unlink()
    for kept in sorted(unfinished.glob("epoch_*.safetensors")):
        with replacing(folder / kept.name) as partial:
            shutil.copyfile(kept, partial)
    write_table(pd.DataFrame(run.history), folder / "history.tsv", digits=6)
    for leftover in folder.glob("unfinished-*"):
        shutil.rmtree(leftover)


@contextmanager
def _clear_errors(training: Training) -> Iterator[None]:
    """Name the training in each message, and what to do about a GPU's memory."""
    try:
        yield
    except RuntimeError as error:
        arm = training.arm
        for words, place in SHORTAGES.items():
            if words in str(error):
                raise AtlasError(
                    f"training {training.name}: {place} has too little memory for batches of "
                    f"{arm.batch_size // arm.gpus:,} images; set a smaller batch_size for the arm "
                    f"{arm.name}, and a learning_rate smaller by as much"
                ) from None
        if "DataLoader worker" not in str(error):
            raise
        raise AtlasError(
            f"training {training.name}: a process that loads images was killed "
            f"({one_line(error)}); set fewer workers for the arm {arm.name}, or give the job "
            "more memory"
        ) from None
    except AtlasError as error:
        # torch puts the traceback of a process that loads images before its message
        message = str(error).strip().rpartition(f"{AtlasError.__name__}: ")[2]
        raise AtlasError(f"training {training.name}: {message}") from None
