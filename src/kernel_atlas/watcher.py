"""End a job whose snakemake was killed: it would overwrite the files of the next run."""

import logging
import os
import threading
import time
from contextlib import suppress

import psutil

logger = logging.getLogger(__name__)

# An environment variable that jobs inherit: the process id of their snakemake.
SNAKEMAKE = "KERNEL_ATLAS_SNAKEMAKE"


def end_with_snakemake() -> None:
    """Watch the snakemake that started this job, and end the job when it is gone."""
    if pid := os.environ.get(SNAKEMAKE):
        end_with(int(pid), "snakemake")


def end_with(pid: int, name: str) -> None:
    """Watch another process, and end this one when it is gone."""
    threading.Thread(target=_end_after, args=(pid, name), daemon=True).start()


def _end_after(pid: int, name: str) -> None:
    with suppress(psutil.NoSuchProcess):
        watched = psutil.Process(pid)
        while watched.status() != psutil.STATUS_ZOMBIE:
            time.sleep(0.1)
    logger.error("%s is gone, and this job ends with it", name)
    os._exit(1)
