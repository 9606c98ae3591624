"""Start the processes of one training, by the launcher behind torchrun."""

import logging
import signal
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

import torch
from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs, SignalException
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError, ProcessFailure
from torch.distributed.launcher import LaunchConfig, elastic_launch

from kernel_atlas.errors import AtlasError, NoSpaceError
from kernel_atlas.experiments.arms import Arm, Training

MODULE = "kernel_atlas.experiments.process"  # what each process runs
TALKATIVE = "torch.distributed.elastic.multiprocessing.api"  # tells of each process that it ends
OURS = {error.__name__: error for error in (AtlasError, NoSpaceError)}


def launch(training: Training, folder: str | Path, path_to_log: str | Path | None) -> None:
    """Train in one process for each GPU of the arm, and wait for them.

    Parameters
    ----------
    training, folder
        As for `train_network`.
    path_to_log : path or None
        The first process adds its lines to this file.

    Raises
    ------
    AtlasError
        If the machine has too few GPUs, or one of the processes raises it or is killed. The others
        are then ended.
    RuntimeError
        If one fails otherwise; the message has its traceback.
    """
    _check_gpus(training.arm)
    arguments = [training.arm.settings, str(training.seed), str(folder), str(path_to_log or "")]
    logging.getLogger(TALKATIVE).setLevel(logging.CRITICAL)
    with TemporaryDirectory() as logs:
        config = LaunchConfig(
            min_nodes=1,
            max_nodes=1,
            nproc_per_node=training.arm.gpus,
            run_id=str(uuid4()),
            rdzv_backend="c10d",
            rdzv_endpoint="localhost:0",
            local_addr="localhost",
            max_restarts=0,
            logs_specs=DefaultLogsSpecs(log_dir=logs),
        )
        try:
            elastic_launch(config, sys.executable)("-m", MODULE, *arguments)
        except ChildFailedError as error:
            raise _find_cause(training, [*error.failures.values()]) from None
        except SignalException as error:  # the launcher has ended the processes
            sys.exit(128 + error.sigval)


def _check_gpus(arm: Arm) -> None:
    found = torch.cuda.device_count()
    if found < arm.gpus and (arm.device == "cuda" or (arm.device == "auto" and found)):
        raise AtlasError(
            f"config: experiments.{arm.name}.gpus: {arm.gpus}, but torch finds {found} on this "
            "machine"
        )


def _find_cause(training: Training, failures: list[ProcessFailure]) -> Exception:
    """Why a training failed: of several failures, the one that the others follow from."""
    told = {failure.local_rank: _told(failure) for failure in failures}
    for text, _ in told.values():
        name, _, message = text.partition(": ")
        if name in OURS:
            return OURS[name](message)
    for failure in failures:
        # SIGTERM is what the launcher ends the others with
        if failure.exitcode < 0 and -failure.exitcode != signal.SIGTERM:
            return AtlasError(
                f"training {training.name}: the process of GPU {failure.local_rank} was ended by "
                f"{signal.Signals(-failure.exitcode).name}; if the job had too little memory, give "
                f"it more or set fewer workers for the arm {training.arm.name}; then run again"
            )
    first = min(failures, key=lambda failure: failure.timestamp).local_rank
    text, traceback = told[first]
    return RuntimeError(
        f"training {training.name}: the process of GPU {first} failed\n{traceback or text}"
    )


def _told(failure: ProcessFailure) -> tuple[str, str]:
    """What a process said last: its exception, and the traceback."""
    told = failure.error_file_data["message"]
    if isinstance(told, str):  # it could not say anything
        return failure.message, ""
    return told["message"], told["extraInfo"]["py_callstack"]
