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
        threading.Thread(target=_end_after, args=(int(pid),), daemon=True).start()


def _end_after(pid: int) -> None:
    with suppress(psutil.NoSuchProcess):
        snakemake = psutil.Process(pid)
        while snakemake.status() != psutil.STATUS_ZOMBIE:
            time.sleep(0.1)
    logger.error("snakemake is gone, and this job ends with it")
    os._exit(1)
