"""``timm:NAME``: what timm knows of a model, asked once and kept in files.

timm takes seconds to import, so one job asks it for all rows of the sheet
(`resolve_timm`). Light at import: the Snakefile uses `assign_files` each time it is parsed.
"""

import hashlib
import json
import logging
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from difflib import get_close_matches
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from kernel_atlas.atomic import replacing
from kernel_atlas.errors import AtlasError
from kernel_atlas.sources.norms import Norm, find_norm
from kernel_atlas.sources.timm_import import import_timm

logger = logging.getLogger(__name__)


def assign_files(names: Iterable[str], folder: str | Path) -> dict[str, str]:
    """The file that describes each name; all names that are new share one file.

    So timm is asked once for many names, and a name that is added later does not make
    the files of finished models newer.

    Parameters
    ----------
    names : iterable of str
    folder : path
        Where `resolve_timm` writes these files; it may be missing.

    Returns
    -------
    dict
        From name to path, written already or to be written.
    """
    folder = Path(folder)
    try:
        timm_version = version("timm")
    except PackageNotFoundError:
        timm_version = ""
    known: dict[str, str] = {}
    refused: dict[str, str] = {}
    for path in sorted(folder.glob("*.json")):
        try:
            for name, entry in json.loads(path.read_bytes()).items():
                if "error" not in entry:
                    known[name] = str(path)
                # another timm may know a name that this one does not
                elif entry["timm_version"] == timm_version:
                    refused[name] = str(path)
        except (OSError, ValueError, AttributeError, TypeError, KeyError):
            continue  # damaged: asked again
    known = refused | known
    new = sorted(set(names) - set(known))
    digest = hashlib.sha256("\n".join([timm_version, *new]).encode()).hexdigest()[:8]
    return {name: known.get(name, str(folder / f"{digest}.json")) for name in names}


def names_in(path: str | Path) -> list[str]:
    """The names that a file describes, an empty list if it is not written yet."""
    try:
        return sorted(json.loads(Path(path).read_bytes()))
    except (OSError, ValueError):
        return []


# Padding as in TensorFlow: where the number of zeros is odd, one more on the right and below, so
# that a layer of stride 2 has its middle half a pixel off the grid's.
SAME = "same"


@dataclass(frozen=True)
class ArchitectureLayer:
    """One depthwise weight of an architecture; MixNet's splits of one layer share `layer`."""

    weight: str  # the parameter's name, without .weight
    layer: str
    kernel_size: int
    n_kernels: int
    stride: int
    dilation: int
    padding: int | str  # pixels on each side, or SAME
    norm: Norm = field(default_factory=Norm)


@dataclass(frozen=True)
class Architecture:
    """A timm model: where its weights are, and its depthwise weights in the network's order."""

    name: str  # with its tag, as in convnext_tiny.in12k_ft_in1k
    source: str  # a URI of the scheme hf: or https:
    timm_version: str
    layers: tuple[ArchitectureLayer, ...]

    @property
    def sizes(self) -> dict[str, tuple[int, int]]:
        """From the name of each depthwise weight to its number of kernels and their size."""
        return {row.weight: (row.n_kernels, row.kernel_size) for row in self.layers}

    @property
    def norms(self) -> dict[str, Norm]:
        """From the name of each depthwise weight to the normalisation behind its layer."""
        return {row.weight: row.norm for row in self.layers}


def resolve(name: str) -> Architecture:
    """Ask timm for one model, built on torch's meta device, which holds no weights.

    Raises
    ------
    AtlasError
        If timm does not know the model, or has no weights of it.
    """
    timm = import_timm()
    from kernel_atlas.sources.timm_build import build

    try:
        config = timm.models.get_pretrained_cfg(name, allow_unregistered=False)
    except RuntimeError:  # an unknown tag of a known architecture
        config = None
    if config is None:
        architecture = name.partition(".")[0]
        known = timm.list_models(f"{architecture}.*", pretrained=True)
        known = known or get_close_matches(architecture, timm.list_models())
        hint = f"; similar: {', '.join(known[:5])}" if known else ""
        raise AtlasError(f"timm {timm.__version__} knows no model {name!r}{hint}")
    if config.hf_hub_id:
        file = f":{config.hf_hub_filename}" if config.hf_hub_filename else ""
        source = f"hf:{config.hf_hub_id}{file}"
    elif config.url:
        source = config.url
    else:
        raise AtlasError(f"timm {timm.__version__} has no weights of {name!r}")
    tag = f".{config.tag}" if config.tag else ""
    return Architecture(
        f"{config.architecture}{tag}", source, timm.__version__, list_layers(build(name))
    )


def list_layers(network: Any) -> tuple[ArchitectureLayer, ...]:
    """The depthwise weights of a torch.nn.Module, in the network's order."""
    import torch

    modules = dict(network.named_modules())
    layers = []
    for path, module in modules.items():
        if not isinstance(module, torch.nn.Conv2d) or not _is_depthwise(module):
            continue
        parent = path.rpartition(".")[0]
        is_split = type(modules[parent]).__name__ == "MixedConv2d"
        layers.append(
            ArchitectureLayer(
                weight=path,
                layer=parent if is_split else path,
                kernel_size=module.kernel_size[0],
                n_kernels=module.out_channels,
                stride=max(module.stride),
                dilation=max(module.dilation),
                padding=SAME if type(module).__name__ == "Conv2dSame" else max(module.padding),
                norm=find_norm(modules, path),
            )
        )
    return tuple(layers)


def resolve_timm(names: Sequence[str], path_to_architectures: str | Path) -> None:
    """Ask timm for all models of the sheet.

    If timm does not know a name, its error is written in place of the architecture, for
    `read_architecture` to raise, and the other models are resolved.

    Parameters
    ----------
    names : sequence of str
        As in the sources ``timm:NAME``.
    path_to_architectures : path
        Written: JSON, from name to architecture or error.
    """
    import_timm()  # if it cannot be imported, no name is at fault
    found: dict[str, dict] = {}
    for name in names:
        try:
            found[name] = asdict(resolve(name))
            continue
        except AtlasError as error:
            fault = str(error)
        except (MemoryError, OSError):
            raise  # the fault of this machine, not of the name
        except Exception as error:  # timm may raise anything
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
        if entry and "error" in found:  # perhaps asked again with another timm
            found = entry
    if "error" in found:
        raise AtlasError(found["error"])
    layers = tuple(
        ArchitectureLayer(**row | {"norm": Norm(*row.get("norm", ()))})
        for row in found.pop("layers")
    )
    return Architecture(layers=layers, **found)


def _is_depthwise(convolution: Any) -> bool:
    """Whether a torch.nn.Conv2d has one input channel per group, and square kernels."""
    height, width = convolution.kernel_size
    return convolution.groups == convolution.in_channels > 1 and height == width > 1
