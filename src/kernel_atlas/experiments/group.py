"""What the processes of one training know of each other; without others, one is all."""

import torch.distributed as dist
from torch import Tensor, nn


def get_size() -> int:
    """How many processes train together."""
    return dist.get_world_size() if dist.is_initialized() else 1


def get_rank() -> int:
    """Which of them this is, from 0. The first one writes the files."""
    return dist.get_rank() if dist.is_initialized() else 0


def sum_up(tensor: Tensor) -> Tensor:
    """Add up what each process has, in place."""
    if get_size() > 1:
        dist.all_reduce(tensor)
    return tensor


def share_steps(model: nn.Module) -> nn.Module:
    """The module to call in training: it averages the gradients of all processes."""
    if get_size() == 1:
        return model
    return nn.parallel.DistributedDataParallel(model)
