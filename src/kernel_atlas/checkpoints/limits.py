"""How much is read of a checkpoint at most, whatever its header or pickle declares."""

import math
from collections.abc import Mapping, Sequence

import numpy as np

from kernel_atlas.checkpoints.layer import Selection
from kernel_atlas.errors import AtlasError

# Far above any network: what asks for more is damaged or hostile, and is not read.
MAX_LAYERS = 10_000
MAX_VALUES = 100_000_000  # weights of all kernels, 400 MB
MAX_NAME = 300  # characters


def choose_rows(
    selection: Selection, shapes: Mapping[str, tuple[int, ...]], file_name: str
) -> dict[str, Sequence[int] | np.ndarray]:
    """The rows of each weight that the selection takes any of, before a value is read.

    Raises
    ------
    AtlasError
        If they are more than any network has, or a name is no name.
    """
    rows = {
        name: chosen
        for name, shape in shapes.items()
        if (chosen := selection.rows(name, shape)) is not None
    }
    for name in rows:
        if len(name) > MAX_NAME or not name.isprintable():
            raise AtlasError(
                f"layer {name[:MAX_NAME]!r} of {file_name}: a name has at most {MAX_NAME} "
                "characters and none that controls the output; rename it"
            )
    n_values = sum(len(chosen) * math.prod(shapes[name][1:]) for name, chosen in rows.items())
    if len(rows) > MAX_LAYERS or n_values > MAX_VALUES:
        raise AtlasError(
            f"{file_name} has {n_values:,} weights of kernels in {len(rows):,} layers, more than "
            f"any network ({MAX_VALUES:,} in {MAX_LAYERS:,} layers are read)"
        )
    return rows
