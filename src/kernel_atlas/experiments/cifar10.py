"""CIFAR-10 in the binary form that its authors publish (paper, Appendix H).

A. Krizhevsky: Learning Multiple Layers of Features from Tiny Images, 2009. A record has 3,073
bytes: the label, then 32 x 32 pixels of red, of green and of blue.
"""

from pathlib import Path

import numpy as np

from kernel_atlas.errors import AtlasError
from kernel_atlas.experiments.images import Images

CLASSES = (
    *("airplane", "automobile", "bird", "cat", "deer"),
    *("dog", "frog", "horse", "ship", "truck"),
)
TRAIN = [f"data_batch_{number}.bin" for number in range(1, 6)]
VALIDATION = ["test_batch.bin"]
SIZE = 32
RECORD = 1 + 3 * SIZE**2


def open_cifar10(path: str) -> tuple[Images, Images]:
    """Open the six files, in this folder or in its ``cifar-10-batches-bin``.

    Raises
    ------
    AtlasError
        If one is missing, or is not made of such records.
    """
    folder = Path(path).expanduser()
    inner = folder / "cifar-10-batches-bin"
    folder = inner if inner.is_dir() else folder
    return _read(folder, TRAIN), _read(folder, VALIDATION)


def _read(folder: Path, names: list[str]) -> Images:
    records = np.concatenate([_read_file(folder / name) for name in names])
    pixels = records[:, 1:].reshape(-1, 3, SIZE, SIZE).transpose(0, 2, 3, 1)
    return Images(np.ascontiguousarray(pixels), records[:, 0], CLASSES)


def _read_file(path: Path) -> np.ndarray:
    try:
        data = np.fromfile(path, np.uint8)
    except OSError as error:
        raise AtlasError(f"{path}: cannot be read ({error.strerror})") from None
    if not len(data) or len(data) % RECORD:
        raise AtlasError(
            f"{path}: {len(data):,} bytes, which is not a whole number of records of {RECORD:,}"
        )
    records = data.reshape(-1, RECORD)
    if (label := records[:, 0].max()) >= len(CLASSES):
        raise AtlasError(f"{path}: a record has the label {label}, and there are 10 classes")
    return records
