"""Build a network of an arm, and start its kernels."""

from collections.abc import Callable, Mapping
from difflib import get_close_matches
from functools import partial
from inspect import isclass
from typing import TYPE_CHECKING, Any

from kernel_atlas import init
from kernel_atlas.errors import AtlasError, one_line
from kernel_atlas.sources.timm_import import import_timm

if TYPE_CHECKING:
    import torch


def build_network(
    network: Mapping[str, Any], *, n_classes: int, image_size: int
) -> "torch.nn.Module":
    """Build a timm network with new weights, drawn by torch's global generator.

    Parameters
    ----------
    network : mapping
        `name`: an architecture, as in ``efficientnet_b4``, or a class of `timm.models`, as in
        ``ConvMixer``, whose every argument can be chosen. `arguments`, optional: what it is
        called with; an `act_layer` by its name in timm, as in ``relu``.
    n_classes : int
    image_size : int
        Height and width in pixels, for networks that are built for one size.

    Raises
    ------
    AtlasError
        If timm does not know the name, or cannot build the network with these arguments.
    """
    timm = import_timm()
    name, arguments = network["name"], dict(network.get("arguments", {}))
    classes = _classes(timm)
    if name not in classes and not timm.is_model(name):
        similar = get_close_matches(name, [*timm.list_models(), *classes])
        hint = f"; similar: {', '.join(similar)}" if similar else ""
        raise AtlasError(f"timm {timm.__version__} knows no network {name!r}{hint}")
    make = classes.get(name) or partial(timm.create_model, name, pretrained=False)
    try:
        if isinstance(arguments.get("act_layer"), str):
            arguments["act_layer"] = timm.layers.get_act_layer(arguments["act_layer"])
        if name not in classes and timm.models.get_pretrained_cfg(name).fixed_input_size:
            arguments.setdefault("img_size", image_size)
        return make(num_classes=n_classes, **arguments)
    except MemoryError:
        raise
    except Exception as error:  # timm may raise anything
        raise AtlasError(
            f"timm cannot build {name!r} with {arguments}: {type(error).__name__}: "
            f"{one_line(error)}"
        ) from error


def start_network(
    module: "torch.nn.Module", start: str, seed: int = 0, frozen: bool = False
) -> None:
    """Start the kernels of a network, in place.

    Parameters
    ----------
    module : torch.nn.Module
    start : str
        ``kaiming``: as it was built; ``dog`` and ``keys``: its depthwise kernels from the DoG
        family or the master keys (`kernel_atlas.init`); ``file:PATH``: all weights from a
        checkpoint of this network, but for the classifier if that is for other classes.
    seed : int, default=0
    frozen : bool, default=False
        Keep the depthwise kernels as they start.

    Raises
    ------
    AtlasError
        If there is no such start or depthwise layer, or the checkpoint is of another network.
    """
    if start == "dog":
        init.dog_(module, seed=seed)
    elif start == "keys":
        init.keys_(module, seed=seed)
    elif start.startswith("file:"):
        _load(module, start)
    elif start != "kaiming":
        raise AtlasError(f"unknown start {start!r} (known: kaiming, dog, keys, file:PATH)")
    if frozen:
        init.freeze_(module)


def check_network(module: "torch.nn.Module", n_classes: int, image_size: int) -> None:
    """Check that a network turns an image of this size into a score for each class.

    Raises
    ------
    AtlasError
        If it does not.
    """
    import torch

    try:
        with torch.no_grad():
            scores = module.eval()(torch.zeros(1, 3, image_size, image_size))
    except MemoryError:
        raise
    except Exception as error:  # of whatever layer the image is too small or too large for
        raise AtlasError(
            f"{type(module).__name__} cannot take images of {image_size} x {image_size} pixels "
            f"({one_line(error)}); change the image_size or the network's arguments"
        ) from error
    finally:
        module.train()
    if getattr(scores, "shape", None) != (1, n_classes):
        raise AtlasError(f"{type(module).__name__} does not give one score for each class")


def _classes(timm: Any) -> dict[str, Callable]:
    """The networks that timm exports as classes, by name."""
    import torch

    found = vars(timm.models).items()
    return {name: x for name, x in found if isclass(x) and issubclass(x, torch.nn.Module)}


def _load(module: Any, source: str) -> None:
    from kernel_atlas.checkpoints.formats import format_of
    from kernel_atlas.checkpoints.rewrite import read_whole
    from kernel_atlas.sources import local

    file = local.locate(source)
    whole = read_whole([file], format_of(file), "")
    found = {short: whole.tensors[name] for short, name in whole.names.items()}
    own = module.state_dict()
    classifier = {tensor.data_ptr() for tensor in module.get_classifier().state_dict().values()}
    for name, tensor in own.items():
        is_other = name not in found or found[name].shape != tensor.shape
        if is_other and tensor.data_ptr() in classifier:
            found[name] = tensor
    differing = [
        name
        for name in sorted({*own, *found})
        if name not in own or name not in found or own[name].shape != found[name].shape
    ]
    if differing:
        raise AtlasError(
            f"{file.name} is not of this network: {len(differing)} of its {len(own)} weights are "
            f"missing or have another shape, such as {differing[0]}"
        )
    module.load_state_dict(found)
