"""Import timm and torchvision, even if torchvision was compiled for another torch."""

import sys
from types import ModuleType

# the operators that torchvision registers a meta function for, whether it has them or not
_SCHEMA = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
_OPERATORS = ("torchvision::nms", "torchvision::qnms")


def import_timm() -> ModuleType:
    """The timm module, which imports torchvision."""
    import_torchvision()
    import timm

    return timm


def import_torchvision() -> ModuleType:
    """The torchvision module.

    Its compiled operators fit one kind of torch (such as CUDA). With another (such as
    CPU-only), its import, and so timm's, fails with "operator torchvision::nms does not
    exist". Declaring the operators' schemas is enough: nothing here calls them.
    """
    try:
        import torchvision
    except RuntimeError as error:
        if "torchvision::nms" not in str(error):
            raise
        import torch

        for name in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
            del sys.modules[name]  # imported half-way
        for operator in _OPERATORS:
            torch.library.define(operator, _SCHEMA)
        import torchvision
    return torchvision
