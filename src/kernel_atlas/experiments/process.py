"""One of the processes of a training, as `launch` starts it: ``python -m`` with four arguments."""

import logging
import os
import sys

import torch
import torch.distributed as dist
from torch.distributed.elastic.multiprocessing.errors import get_error_handler

from kernel_atlas.experiments.arms import Training
from kernel_atlas.experiments.training import train_here
from kernel_atlas.jobs import log_to
from kernel_atlas.sources.timm_import import import_timm
from kernel_atlas.watcher import end_with

ERROR_FILE = "TORCHELASTIC_ERROR_FILE"  # an environment variable of torchrun's


def main(settings: str, seed: str, folder: str, path_to_log: str) -> None:
    """Train with the others, and leave an error for `launch` to report.

    Parameters
    ----------
    settings, seed : str
        Of the training, see `Training.read`.
    folder, path_to_log : str
        As for `launch`; no log if empty.
    """
    end_with(os.getppid(), "the training")
    if path_to_log and os.environ["RANK"] == "0":
        log_to(path_to_log)
    training = Training.read(settings, int(seed))
    try:
        _join(training)
        train_here(training, folder)
    except Exception as error:
        _leave(error)
        logging.shutdown()
        os._exit(1)  # at once: closing the group would wait for processes that wait for this one
    dist.destroy_process_group()


def _leave(error: Exception) -> None:
    """Write the error to the file that the launcher reads as soon as it is there: so, whole."""
    path = os.environ[ERROR_FILE]
    os.environ[ERROR_FILE] = partial = f"{path}.partial"
    get_error_handler().record_exception(error)
    os.replace(partial, path)


def _join(training: Training) -> None:
    import_timm()
    from timm.utils.distributed import init_distributed_device_so

    on_cpu = training.arm.device == "cpu" or not torch.cuda.is_available()
    init_distributed_device_so("cpu" if on_cpu else "cuda")


if __name__ == "__main__":
    main(*sys.argv[1:])
