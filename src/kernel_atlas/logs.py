"""Log a job to its rule's log file, and end it with one clear line when its input is bad."""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kernel_atlas.errors import AtlasError

logger = logging.getLogger("kernel_atlas")


@contextmanager
def logged(path: str | Path) -> Iterator[None]:
    """Run a script's body with everything logged to `path`, warnings and errors to stderr too.

    An `AtlasError` becomes one line and exit status 1. Any other exception is
    a fault of ours and shows its traceback.
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
    try:
        yield
    except AtlasError as error:
        logger.error("%s", error)
        sys.exit(1)
    except Exception:
        logger.exception("unexpected error, please report it with this log (%s)", path)
        sys.exit(1)
