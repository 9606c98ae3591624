"""Where torch computes."""

import logging
from typing import TYPE_CHECKING

from kernel_atlas.errors import AtlasError

if TYPE_CHECKING:
    import torch

logger = logging.getLogger(__name__)


def find_device(name: str, key: str) -> "torch.device":
    """The device that a setting names: ``auto`` (the GPU if torch has one), ``cpu`` or ``cuda``.

    Parameters
    ----------
    name : str
    key : str
        Of the setting, for the message.

    Raises
    ------
    AtlasError
        If torch has no GPU and the setting demands one.
    """
    import torch

    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name == "cuda" and not torch.cuda.is_available():
        raise AtlasError(f"config: {key}: 'cuda', but torch finds no GPU; use 'auto'")
    logger.info(f"training on {torch.cuda.get_device_name() if name == 'cuda' else name}")
    return torch.device(name)
