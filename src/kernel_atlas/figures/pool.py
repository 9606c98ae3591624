"""What figures of one kernel size share: the kernels of all models, with their classes."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from kernel_atlas.classes.reading import read_class_table
from kernel_atlas.classes.table import ClassTable, Labels, order_rulers
from kernel_atlas.extraction import store
from kernel_atlas.figures.model import written

COLUMNS = ["shift_x", "shift_y"]  # that a figure of a pool needs besides


@dataclass(frozen=True)
class Pool:
    """All kernels of one size of several models, read when they are asked for.

    Attributes
    ----------
    groups : sequence of path
        The zarr.json of each model's group in the store.
    counts : sequence of int
        Kernels of each model.
    size : int
        Kernel size k.
    labels : Labels
        The class of each kernel, model by model.
    ruler : str
        The one that says what class a kernel has.
    """

    groups: Sequence[str | Path]
    counts: Sequence[int]
    size: int
    labels: Labels
    ruler: str

    def read(self, places: np.ndarray) -> np.ndarray:
        """Read the kernels at these places of `labels`, shape (n, k, k), float32."""
        kernels = np.empty((len(places), self.size, self.size), np.float32)
        start = 0
        for group, count in zip(self.groups, self.counts, strict=True):
            is_own = (start <= places) & (places < start + count)
            if is_own.any():
                own = store.read_kernel_array(Path(group).parent, self.size)
                kernels[is_own] = own[places[is_own] - start]
            start += count
        return kernels

    def read_each(self, places: Iterable[np.ndarray]) -> list[np.ndarray]:
        """Read several sets of kernels at once: as `read` of each, in less time."""
        sets = list(places)
        ends = np.cumsum([len(own) for own in sets])[:-1]
        return np.split(self.read(np.concatenate([np.zeros(0, int), *sets])), ends)[: len(sets)]


def read_pool(
    groups: Sequence[str | Path], paths_to_classes: Sequence[str | Path], size: int, ruler: str
) -> Pool:
    """Pool the kernels of models by their tables of classes of this size, in the same order.

    Without a codebook, classes are by the family's ruler, whatever `ruler` says.
    """
    tables = read_tables(paths_to_classes)
    filled = [table for table in tables if len(table)] or tables[:1]
    by, *_ = order_rulers(all(table.near is not None for table in filled), ruler)
    labels = Labels.join([table.by(by) for table in filled])
    return Pool(groups, [len(table) for table in tables], size, labels, by)


def read_tables(paths_to_classes: Sequence[str | Path]) -> list[ClassTable]:
    """Read tables of classes with `COLUMNS`, once for all figures that a job draws of them."""
    return _read_tables(tuple((Path(path), written(path)) for path in paths_to_classes))


@lru_cache(maxsize=1)
def _read_tables(files: tuple[tuple[Path, int], ...]) -> list[ClassTable]:
    return [read_class_table(path, COLUMNS) for path, _ in files]
