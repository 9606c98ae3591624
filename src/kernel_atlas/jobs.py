"""Log a job to its rule's log file, and end it with one clear line when its input is bad."""

import logging
import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from kernel_atlas.errors import AtlasError

logger = logging.getLogger("kernel_atlas")

# Of the environment: the process id of the snakemake whose jobs inherit it.
SNAKEMAKE = "KERNEL_ATLAS_SNAKEMAKE"


@contextmanager
def logged(path: str | Path) -> Iterator[None]:
    """Run a script's body with everything logged to `path`, warnings and errors to stderr too.

    An `AtlasError` becomes one line and exit status 1. Any other exception is
    a fault of ours and shows its traceback. The process ends with the snakemake
    that started it.
    """
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    handlers: list[logging.Handler] = [
        logging.FileHandler(path, mode="w", encoding="utf-8"),
        logging.StreamHandler(),
    ]
    handlers[0].setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    handlers[1].setFormatter(logging.Formatter("%(levelname)s: %(message)s"))
    handlers[1].setLevel(logging.WARNING)
    for handler in handlers:
        logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logging.captureWarnings(True)
    logging.getLogger("py.warnings").addHandler(handlers[0])
    # a disk that is too full for the log shall not show as a traceback of its own
    logging.raiseExceptions = False
    if SNAKEMAKE in os.environ:
        snakemake = int(os.environ[SNAKEMAKE])
        threading.Thread(target=_end_after, args=(snakemake,), daemon=True).start()
    try:
        yield
    except AtlasError as error:
        logger.error("%s", error)
        sys.exit(1)
    except Exception:
        logger.exception("unexpected error, please report it with this log (%s)", path)
        sys.exit(1)


def _end_after(pid: int) -> None:
    """End this process as soon as that one is gone.

    Where snakemake is killed its jobs would live on, and write the files that those
    of the next run write.
    """
    with suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        while process.status() != psutil.STATUS_ZOMBIE:
            time.sleep(0.1)
    logger.error("snakemake is gone, and this job ends with it")
    os._exit(1)
