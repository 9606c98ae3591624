"""What timm knows of the models of ``timm:`` rows: file, layers in the network's order, geometry.

timm takes seconds to import, so it is asked once for all rows (`resolve_timm`); who
reads what that wrote does not import it.
"""

import logging
from collections.abc import Sequence
from dataclasses import replace

from kernel_atlas.checkpoints.layer import Layer
from kernel_atlas.errors import AtlasError
from kernel_atlas.sources.timm import Architecture

logger = logging.getLogger(__name__)


def arrange(layers: Sequence[Layer], architecture: Architecture) -> list[Layer]:
    """Bring a checkpoint's depthwise layers into the network's order and tell their geometry.

    A checkpoint that names its weights otherwise than timm does is taken by position.

    Raises
    ------
    AtlasError
        If these are not the architecture's layers.
    """
    expected = [(row.layer, row.kernel_size, row.n_kernels) for row in architecture.layers]
    found = {(layer.name, layer.kernels.shape[-1], len(layer.kernels)): layer for layer in layers}
    has_other_names = found.keys() != set(expected)
    if has_other_names and [key[1:] for key in found] == [key[1:] for key in expected]:
        found = dict(zip(expected, found.values(), strict=True))
    for name, size, count in [*found, *expected]:
        if (name, size, count) not in expected or (name, size, count) not in found:
            raise AtlasError(
                f"layer {name}: {count} kernels of {size}x{size} are in only one of the checkpoint "
                f"and timm's {architecture.name}; the checkpoint is of another model"
            )
    return [
        replace(found[key], stride=row.stride, dilation=row.dilation)
        for key, row in zip(expected, architecture.layers, strict=True)
    ]
