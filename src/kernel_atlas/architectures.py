"""What timm knows of the models of ``timm:`` rows: file, layers in the network's order, geometry.

timm takes seconds to import, so it is asked once for all rows (`resolve_timm`); who
reads what that wrote does not import it.
"""

import json
import logging
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from difflib import get_close_matches
from importlib.metadata import version
from pathlib import Path
from typing import Any

from kernel_atlas.errors import AtlasError
from kernel_atlas.files import replacing
from kernel_atlas.sources.checkpoint import Layer, is_depthwise

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class ArchitectureLayer:
    """One depthwise weight of an architecture; MixNet's splits of one layer share `layer`."""

    weight: str  # the parameter's name, without .weight
    layer: str
    kernel_size: int
    n_kernels: int
    stride: int
    dilation: int


@dataclass(frozen=True)
class Architecture:
    """A timm model: where its weights are, and its depthwise weights in the network's order."""

    name: str  # with its tag, as in convnext_tiny.in12k_ft_in1k
    source: str  # a URI of the scheme hf: or https:
    timm_version: str
    layers: tuple[ArchitectureLayer, ...]


def resolve(name: str) -> Architecture:
    """Ask timm for one model, built on torch's meta device, which holds no weights.

    Raises
    ------
    AtlasError
        If timm does not know the model or any weights of it.
    """
    from kernel_atlas.timm_import import import_timm

    timm = import_timm()
    import torch

    try:
        config = timm.models.get_pretrained_cfg(name, allow_unregistered=False)
    except RuntimeError:  # of a known architecture, an unknown tag
        config = None
    if config is None:
        architecture = name.partition(".")[0]
        known = timm.list_models(f"{architecture}.*", pretrained=True)
        known = known or get_close_matches(architecture, timm.list_models())
        hint = f"; near: {', '.join(known[:5])}" if known else ""
        raise AtlasError(f"timm {timm.__version__} knows no model {name!r}{hint}")
    if config.hf_hub_id:
        file = f":{config.hf_hub_filename}" if config.hf_hub_filename else ""
        source = f"hf:{config.hf_hub_id}{file}"
    elif config.url:
        source = config.url
    else:
        raise AtlasError(f"timm {timm.__version__} has no weights of {name!r}")
    with torch.device("meta"):
        network = timm.create_model(name, pretrained=False)
    layers = []
    modules = dict(network.named_modules())
    for path, module in modules.items():
        if not isinstance(module, torch.nn.Conv2d) or not is_depthwise(tuple(module.weight.shape)):
            continue
        parent = path.rpartition(".")[0]
        is_split = type(modules[parent]).__name__ == "MixedConv2d"
        layers.append(
            ArchitectureLayer(
                path, parent if is_split else path, module.kernel_size[0], module.out_channels,
                max(module.stride), max(module.dilation),
            )
        )  # fmt: skip
    tag = f".{config.tag}" if config.tag else ""
    return Architecture(f"{config.architecture}{tag}", source, timm.__version__, tuple(layers))


def resolve_timm(names: Sequence[str], path_to_architectures: str | Path) -> None:
    """Ask timm for all models of the sheet.

    A name that timm does not know keeps no other model from being resolved: its
    error is written in its place, for `read_architecture` to raise.

    Parameters
    ----------
    names : sequence of str
        As in the sources ``timm:NAME``.
    path_to_architectures : path
        Written: JSON, from name to architecture or error.
    """
    found: dict[str, dict] = {}
    for name in names:
        try:
            found[name] = asdict(resolve(name))
            continue
        except AtlasError as error:
            fault = str(error)
        except Exception as error:  # timm's own, of any kind
            logger.exception("timm cannot build %s", name)
            fault = f"timm cannot build {name!r}: {error}"
        found[name] = {"error": fault, "timm_version": version("timm")}
    with replacing(path_to_architectures) as path:
        path.write_text(json.dumps(found, indent=1), encoding="utf-8")


def read_architecture(name: str, paths: Iterable[str | Path]) -> Architecture:
    """One model of the files that `resolve_timm` wrote.

    Raises
    ------
    AtlasError
        If timm could not resolve the name, or was not asked.
    """
    found: dict[str, Any] = {"error": f"timm was not asked for {name!r}"}
    for path in paths:
        entry = json.loads(Path(path).read_text(encoding="utf-8")).get(name)
        if entry and "error" in found:  # asked again with another timm, perhaps
            found = entry
    if "error" in found:
        raise AtlasError(found["error"])
    layers = tuple(ArchitectureLayer(**row) for row in found.pop("layers"))
    return Architecture(layers=layers, **found)


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
