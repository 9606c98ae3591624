"""Read the kernels of convolutions from a Keras file: ``.keras``, ``.h5`` or ``.weights.h5``.

A ``.keras`` file is a zip archive of the network's description and an HDF5 file. Kernels lie
as (k, k, channels, multiplier) in depthwise layers and as (k, k, in, out) in regular ones, so
only the layer's type tells which is which. It stands in the description, in the weight's name
(``depthwise_kernel``) or in the name that Keras gives to a layer (``depthwise_conv2d_1``).

A hostile file may ask for any amount of memory, so this happens in a process of its own
(`checkpoints.process`).
"""

import io
import json
import re
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import h5py
import numpy as np

from kernel_atlas.checkpoints.entry import Entry
from kernel_atlas.checkpoints.layer import layer_name
from kernel_atlas.errors import AtlasError, one_line
from kernel_atlas.sources.local import LocalFile
from kernel_atlas.sources.norms import Norm

WEIGHTS, DESCRIPTION = "model.weights.h5", "config.json"  # in the archive

# a layer's class, or the name that Keras makes of it: DepthwiseConv2D, conv2d_transpose_1
_CONVOLUTION = re.compile(r"(depthwise|separable|)_?conv[123]d_?(transpose|)(_[0-9]+)?", re.I)
# a kernel's name in old files (Keras 2 adds :0) and in new ones
_KERNEL = re.compile(r"(.*/)?((?:depthwise_|pointwise_)?kernel(?=(:0)?$)|vars/[01]$).*")
# what h5py, zipfile and json raise for a damaged file, or this module for a wrong description
_DAMAGE: tuple[type[Exception], ...] = (OSError, RuntimeError, ValueError, LookupError, TypeError)
_DAMAGE += (AttributeError, SystemError, zipfile.BadZipFile, zlib.error)


class _Layer(NamedTuple):
    """What a file says of a layer by its name."""

    position: int
    class_name: str = ""
    groups: int | None = None


class _Kernel(NamedTuple):
    data: h5py.Dataset
    axes: tuple[int, int]  # of the data: which two come first in torch's shape
    entry: Entry


class KerasTensors:
    """The kernels of all convolutions of a Keras file, in the shapes that torch gives them.

    Attributes
    ----------
    is_ordered : bool
        Whether the file tells the network's order.
    entries : dict of str to Entry
        In the network's order where the file tells it. ``kind`` is "depthwise", "regular" or
        "transposed"; "" where a kernel for one input channel may be of either of the first
        two; or "unreadable" where nothing tells the layer's type.

    Raises
    ------
    AtlasError
        If the file is not complete, or points to other files.
    """

    is_ordered = True

    def __init__(self, file: LocalFile) -> None:
        try:
            weights, description = _open(file)
            layers = _layers(json.loads(description)) or _listed(weights)
            self._kernels = dict(_kernels(weights, layers, file.name))
        except _DAMAGE as error:
            raise AtlasError(
                f"{file.name} is not a complete Keras file ({one_line(error)}); "
                "save or download it again"
            ) from None
        self.is_ordered = bool(layers)
        unread = Norm(why="the gains of a Keras file are not read")
        self.entries = {
            name: replace(kernel.entry, norm=unread) for name, kernel in self._kernels.items()
        }

    def read(self, rows: Mapping[str, Sequence[int] | np.ndarray | None]) -> dict[str, np.ndarray]:
        """These rows (first dimension; None: all) of each kernel, as float32.

        Raises
        ------
        AtlasError
            If they are damaged.
        """
        weights = {}
        for name, chosen in rows.items():
            data, axes, entry = self._kernels[name]
            try:
                array = np.moveaxis(data[()], axes, (0, 1)).reshape(entry.shape)
            except _DAMAGE as error:
                raise AtlasError(
                    f"layer {layer_name(name)}: its weight cannot be read ({one_line(error)})"
                ) from None
            with np.errstate(over="ignore"):  # an overflow is infinite and reported as such
                array = array.astype(np.float32)
            weights[name] = array if chosen is None else array[np.asarray(chosen)]
        return weights


def _open(file: LocalFile) -> tuple[h5py.File, str]:
    """The HDF5 file, and the network's description as JSON."""
    if not zipfile.is_zipfile(file.path):
        weights = h5py.File(file.path, "r")
        return weights, weights.attrs.get("model_config", "{}")
    with zipfile.ZipFile(file.path) as archive:
        description = archive.read(DESCRIPTION).decode()
        return h5py.File(io.BytesIO(archive.read(WEIGHTS)), "r"), description


def _kernels(
    weights: h5py.File, layers: dict[str, _Layer], file_name: str
) -> Iterator[tuple[str, _Kernel]]:
    """The kernels by their layers' names, in order."""
    last = _Layer(len(layers))
    found = []
    for path, matched in _paths(weights, file_name):
        data = weights[path]
        if not isinstance(data, h5py.Dataset) or not 3 <= data.ndim <= 5:
            continue
        if data.is_virtual or data.external:
            raise _elsewhere(file_name, path)
        group = path[: matched.start(2)].rstrip("/")
        name = group.rpartition("/")[2]
        name = str(weights[f"{group}/vars"].attrs.get("name", name)) if "vars/" in path else name
        top = path.removeprefix("model_weights/").partition("/")[0]
        info = layers.get(name, last)
        kernel = _describe(
            data, matched[2], (info.class_name, group.rpartition("/")[2], name), info
        )
        if kernel:
            position = layers.get(name, layers.get(top, last)).position
            name = _full_name(group, name)
            if matched[2] in ("vars/1", "pointwise_kernel"):
                name = f"{name}.pointwise"
            found.append((position, _natural(path), name, kernel))
    names = Counter(name for _, _, name, _ in found)
    for _, order, name, kernel in sorted(found, key=lambda item: item[:2]):
        is_unique = names[name] == 1
        yield f"{name if is_unique else ''.join(map(str, order))}.weight", kernel


def _paths(weights: h5py.File, file_name: str) -> list[tuple[str, re.Match[str]]]:
    """Where the file has kernels, without what the optimiser keeps of them."""
    links: list[tuple[str, Any]] = []
    weights.visititems_links(lambda path, link: links.append((path, link)))
    for path, link in links:
        if isinstance(link, h5py.ExternalLink):
            raise _elsewhere(file_name, path)
    return [
        (path, matched)
        for path, link in links
        if isinstance(link, h5py.HardLink)
        and not path.startswith("optimizer")
        and (matched := _KERNEL.fullmatch(path))
    ]


def _elsewhere(file_name: str, path: str) -> AtlasError:
    return AtlasError(
        f"{file_name} points to another file at {one_line(path)}, which is not followed; "
        "save the model in one file"
    )


def _describe(data: h5py.Dataset, leaf: str, words: Sequence[str], layer: _Layer) -> _Kernel | None:
    """What is known of a kernel; None if it belongs to no convolution."""
    *space, first, second = data.shape
    word = next((word for word in words if _CONVOLUTION.fullmatch(word)), "")
    matched = _CONVOLUTION.fullmatch(word)
    type_name = matched[1].lower() if matched else ""
    evidence = f"a {word} layer" if word == layer.class_name else f"a layer that Keras calls {word}"
    if leaf == "vars/1" and type_name != "separable":
        return None
    if leaf == "depthwise_kernel" or (type_name and leaf in ("kernel", "vars/0")):
        if leaf == "depthwise_kernel":
            evidence = "a depthwise_kernel"
        shape = (first * second, 1, *space)
        return _Kernel(data, (-2, -1), Entry(shape, data.dtype.name, "depthwise", evidence))
    if not matched and leaf != "pointwise_kernel":
        evidence = "Keras does not say of what type its layer is"
        unknown = Entry(data.shape, data.dtype.name, "unreadable", evidence)
        return _Kernel(data, (-1, -2), unknown) if data.ndim > 3 else None
    kind = "regular"
    if matched and matched[2]:
        kind = "transposed"
    elif first == 1 and layer.groups is None:
        kind = evidence = ""
    elif first == 1 and layer.groups and layer.groups > 1:
        kind, evidence = "depthwise", f"{evidence} with {layer.groups} groups"
    return _Kernel(data, (-1, -2), Entry((second, first, *space), data.dtype.name, kind, evidence))


def _layers(description: Any) -> dict[str, _Layer]:
    """The layers that a description lists, also in models within the model."""
    found: dict[str, _Layer] = {}

    def visit(settings: Any) -> None:
        # old files list the layers of a sequential model directly
        is_list = isinstance(settings, list)
        inner = settings if is_list else [*settings.get("layers", []), settings.get("layer")]
        for layer in filter(None, inner):
            own = layer["config"]
            if isinstance(own, dict) and "name" in own:
                info = _Layer(len(found), str(layer["class_name"]), own.get("groups", 1))
                found.setdefault(str(own["name"]), info)
            visit(own)

    visit(description.get("config", {}))
    return found


def _listed(weights: h5py.File) -> dict[str, _Layer]:
    """The layers' order alone, as files of weights without a description list it."""
    names = weights.get("model_weights", weights).attrs.get("layer_names", [])
    names = [name.decode() if isinstance(name, bytes) else str(name) for name in names]
    return {name: _Layer(position) for position, name in enumerate(names)}


def _full_name(group: str, name: str) -> str:
    """A layer's name with those of the models around it, without what Keras puts between."""
    parts = [part for part in group.split("/")[:-1] if part not in ("layers", "model_weights")]
    if parts and parts[0] in (name, *parts[1:2]):  # old files name the outermost layer twice
        parts = parts[1:]
    return ".".join([*parts, name])


def _natural(path: str) -> list[str | int]:
    """A sort key by which conv2d_10 follows conv2d_9."""
    parts = re.split(r"([0-9]{1,18})", path)
    return [int(part) if index % 2 else part for index, part in enumerate(parts)]
