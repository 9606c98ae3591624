"""Build a timm model without its weights, on torch's meta device.

There, tensors have a shape and no values, but torch works out in Python what a function does to
the shape. Four fifths of the time that a model took went into filling its weights with numbers.
"""

from typing import TYPE_CHECKING, Any

from kernel_atlas.sources.timm_import import import_timm

if TYPE_CHECKING:
    import torch

# methods of a tensor that change its values and nothing else
FILLS = (
    *("add_", "clamp_", "copy_", "div_", "erfinv_", "fill_", "mul_", "normal_", "sub_"),
    *("uniform_", "zero_", "__setitem__"),
)


def build(name: str) -> "torch.nn.Module":
    """A timm model with all its layers, and no values in its weights."""
    timm = import_timm()
    import torch

    with torch.device("meta"), _without_fills():
        return timm.create_model(name, pretrained=False)


def _without_fills() -> Any:
    """A context in which nothing is done to the values of a tensor."""
    import torch
    from torch.overrides import TorchFunctionMode

    fills = {getattr(torch.Tensor, name) for name in FILLS}
    fills |= {f for name, f in vars(torch.nn.init).items() if name.endswith("_") and callable(f)}

    class WithoutFills(TorchFunctionMode):
        def __torch_function__(
            self, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None
        ) -> Any:
            kwargs = kwargs or {}
            if func in fills:
                return args[0] if args else kwargs["tensor"]  # the latter from torch.nn.init
            return func(*args, **kwargs)

    return WithoutFills()
