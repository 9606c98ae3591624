"""Kernel Atlas: extract, cluster and draw trained depthwise convolution kernels."""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

# imported when first used, because `kernel_atlas.interface` needs numpy and pandas
_INTERFACE = ("Atlas", "classify", "compare", "read_kernels", "replace_kernels")


def __getattr__(name: str) -> Any:
    if name in _INTERFACE:
        return getattr(import_module("kernel_atlas.interface"), name)
    if name == "init":
        return import_module("kernel_atlas.init")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_INTERFACE, "init"})
