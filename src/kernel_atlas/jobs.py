"""What every job does: log to its rule's file, and end with one clear line on bad input."""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kernel_atlas.errors import AtlasError
from kernel_atlas.watcher import end_with_snakemake

logger = logging.getLogger("kernel_atlas")


@contextmanager
def logged(path: str | Path) -> Iterator[None]:
    """Run a script's body: everything is logged to `path`, warnings and errors to stderr too.

    An `AtlasError` becomes one line and exit status 1. Any other exception is a
    bug of ours and shows its traceback. The job ends when its snakemake does.

    Parameters
    ----------
    path : path
        The log file. An earlier one is overwritten.
    """
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_bytes(b"")
    log_to(path)
    to_stderr = logging.StreamHandler()
    to_stderr.setFormatter(logging.Formatter("%(levelname)s: %(message)s"))
    to_stderr.setLevel(logging.WARNING)
    logger.addHandler(to_stderr)
    end_with_snakemake()
    try:
        yield
    except AtlasError as error:
        logger.error("%s", error)
        sys.exit(1)
    except Exception:
        logger.exception("unexpected error, please report it with this log (%s)", path)
        sys.exit(1)


def log_to(path: str | Path) -> None:
    """Add everything that is logged, warnings too, to the end of a file.

    Several processes of a job may share it.
    """
    to_file = logging.FileHandler(path, encoding="utf-8")
    to_file.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    logger.addHandler(to_file)
    logger.setLevel(logging.INFO)
    logging.captureWarnings(True)
    logging.getLogger("py.warnings").addHandler(to_file)
    # A disk too full for the log must not add a traceback of its own.
    logging.raiseExceptions = False
