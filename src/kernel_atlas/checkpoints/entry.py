"""What is known of a checkpoint's tensors before a value is read."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np


@dataclass(frozen=True)
class Entry:
    """A tensor of a checkpoint before its values are read."""

    shape: tuple[int, ...]
    dtype: str = "float32"
    kind: str = ""
    evidence: str = ""
    storage: Hashable = None


class Tensors(Protocol):
    """The tensors of a checkpoint by name, in the file's order; values are read when asked for."""

    entries: Mapping[str, Entry]

    def read(
        self, rows: Mapping[str, Sequence[int] | np.ndarray | None]
    ) -> dict[str, np.ndarray]: ...
