"""All layers of one size of a model, beside controls made of their kernels."""

import zlib
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from kernel_atlas import sphere
from kernel_atlas.classes.controls import OWN, SEED, Control, random_kernels, shuffled_kernels
from kernel_atlas.extraction.kernels import Kernels
from kernel_atlas.measures.layer import Measured, measure_layer

CONTROLS: dict[str, Control] = {"random": random_kernels, "shuffled": shuffled_kernels}


def measure_layers(
    stored: Kernels, controls: Mapping[str, Control] = CONTROLS
) -> Iterator[tuple[int, dict[str, Measured]]]:
    """Measure each layer and the controls that are made of its live kernels. Seeded.

    Yields
    ------
    tuple
        The layer's index; what is measured of `OWN` kernels and of each control, which a layer
        without live kernels lacks.
    """
    starts = np.flatnonzero(np.diff(stored.layer, prepend=-1))
    parts = np.split(stored.kernels, starts[1:])
    for index, kernels in zip(stored.layer[starts].tolist(), parts, strict=True):
        live = kernels[~sphere.find_dead(kernels)]
        found = {OWN: measure_layer(kernels, live)}
        digest = zlib.crc32(np.ascontiguousarray(live).tobytes())
        for number, (name, make) in enumerate(controls.items() if len(live) else ()):
            made = make(live, np.random.default_rng([SEED, number, digest]))
            found[name] = measure_layer(made, made)
        yield index, found


def list_keys(measured: Measured) -> Iterator[dict[str, Any]]:
    """How many kernels each key of each bank describes, as the nearest, keys from 1."""
    for bank, described in measured.described.items():
        counts = zip(described, measured.turned[bank], strict=True)
        for key, (n_described, n_turned) in enumerate(counts, start=1):
            yield {"bank": bank, "key": key, "n_described": n_described, "n_turned": n_turned}
