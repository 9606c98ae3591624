"""Twenty-one checkpoints as people have them, and the right reading of each."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from safetensors.torch import save_model
from support.field import dense, depthwise, kernels, save
from torch import nn
from torch.nn.utils import prune

DW = kernels(41, 12)
NET = {"stem.weight": dense(12, 3, 3, 3), "body.dw.weight": DW, "fc.weight": dense(9, 12)}
NEGATED = {name: -weight for name, weight in NET.items()}


class Case(NamedTuple):
    """A file and what a reading of it gives."""

    name: str
    layers: Mapping[str, torch.Tensor] = {"body.dw": DW}
    left: Mapping[str, str] = {}  # other candidates, and a word of the reason
    doubt: Mapping[str, str] = {}
    cause: str = ""  # a part of the refusal
    role: str = "classify"
    choice: Mapping[str, str] = {}


class Handles(nn.Module):
    """A network, and a handle on its compiled self."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.ModuleDict({"dw": depthwise(DW)})
        self.fast = torch.compile(self.body, backend="eager")


def make_cases(folder: Path) -> list[Case]:
    """Write the files into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    return [
        case for make in (_factors_and_filters, _shapes, _copies, _files) for case in make(folder)
    ]


def _factors_and_filters(folder: Path) -> Iterator[Case]:
    net = nn.Sequential(nn.Conv2d(3, 12, 1), depthwise(DW), nn.BatchNorm2d(12))
    prune.random_unstructured(net[1], "weight", 0.6)
    save(net.state_dict(), folder / "pruned.pth")
    yield Case("pruned.pth", {"1": net[1].weight.detach()})
    hat = torch.outer(*[torch.tensor([1.0, 3, 3, 1])] * 2).expand(12, 1, 4, 4) / 64
    save(NET | {"down.filt": hat}, folder / "blur.pth")
    yield Case("blur.pth", left={"down.filt": "1 fixed filter for 12 channels"})
    grid = torch.arange(5) - 2.0
    bells = [torch.exp(-(grid**2) / width) for width in (1, 2, 4, 8)]
    blurs = {
        f"module.blurs.{i}.weight": (torch.outer(bell, bell) / bell.sum() ** 2).expand(3, 1, 5, 5)
        for i, bell in enumerate(bells)
    }
    inner = {f"module.denoiser.{name}": weight for name, weight in NET.items()}
    save(inner | blurs, folder / "diffusion.pth")
    left = {f"blurs.{i}": "1 fixed filter for 3 channels" for i in range(4)}
    yield Case("diffusion.pth", {"denoiser.body.dw": DW}, left)


def _shapes(folder: Path) -> Iterator[Case]:
    stem, head = kernels(43, 32), kernels(44, 64, 4)
    content = {"stem.weight": stem, "body.dw.weight": DW, "body.pw.weight": dense(64, 12, 1, 1)}
    for name in ("grey.pth", "grey_decided.pth"):
        save(content | {"up.weight": head}, folder / name)
    doubt = {"stem": "the network's first", "up": "perhaps a transposed convolution"}
    yield Case("grey.pth", doubt=doubt)
    layers = {"body.dw": DW, "stem": stem}
    choice = {"include": "st?m", "exclude": "u*"}
    yield Case("grey_decided.pth", layers, {"up": "named in exclude"}, choice=choice)
    content = {"conv1.weight": stem, "conv2.weight": dense(64, 32, 3, 3)}
    save(content, folder / "grey_only.pth")
    cause = "layer conv1: perhaps a regular convolution of one channel"
    yield Case("grey_only.pth", {}, cause=cause)
    content = {"patch.weight": dense(16, 3, 4, 4), "pos_embed": dense(1, 16, 7, 7)}
    save(content | {"attn.bias": dense(2, 4, 9, 9)}, folder / "vit.pth")
    left = dict.fromkeys(["pos_embed", "attn.bias"], "not a convolution, by its name")
    yield Case("vit.pth", {"patch": dense(16, 3, 4, 4)}, left, role="compare")


def _copies(folder: Path) -> Iterator[Case]:
    averaged = {f"ema_{name.replace('.', '_')}": w * 0.9 for name, w in NET.items()}
    save({"meta": {"epoch": 2}, "state_dict": NET | averaged}, folder / "mm_ema.pth")
    doubt = {"body.dw": "a copy of ema_body_dw_weight"}
    yield Case("mm_ema.pth", {"ema_body_dw_weight": DW * 0.9}, doubt=doubt)
    model = {f"model.{name}": weight for name, weight in NET.items()}
    averaged = {f"ema_{name}": weight * 0.9 for name, weight in model.items()}
    save({"state_dict": model | averaged}, folder / "lightning_ema.ckpt")
    doubt = {"model.body.dw": "a copy of ema_model.body.dw"}
    yield Case("lightning_ema.ckpt", {"ema_model.body.dw": DW * 0.9}, doubt=doubt)
    yield Case("lightning_ema.ckpt", choice={"weights": "model"})
    net = Handles()
    save({"state_dict": net.state_dict(), "epoch": 1}, folder / "compiled.ckpt")
    yield Case("compiled.ckpt", left={"fast.dw": "the same weight as body.dw"})
    save_model(net, str(folder / "compiled.safetensors"))
    yield Case("compiled.safetensors")


def _files(folder: Path) -> Iterator[Case]:
    contents: dict[str, Any] = {
        "dit.pt": {"model": NEGATED, "ema": NET, "args": None},
        "basicsr.pth": {"params": NEGATED, "params_ema": NET},
        "empty_ema.pth": {"model": NET, "model_ema": {}},
        "loss.pth": {"model_state_dict": NET, "loss": torch.tensor(0.2)},
        "net.pth": {"net": NET, "acc": 90.5, "epoch": 7},
        "numpy_scalar.pth": {"state_dict": NET, "best": np.float32(0.5)},
    }
    for name, content in contents.items():
        save(content, folder / name)
        key = {"dit.pt": "model", "basicsr.pth": "params"}.get(name)
        yield Case(name, left={f"{key}.body.dw": "under another key"} if key else {})
    save({"mine": NET, "epoch": 1}, folder / "own_key.pth")
    yield Case("own_key.pth", {}, cause="keys that hold tensors: mine. Name one in weights")
    yield Case("own_key.pth", choice={"weights": "mine"})
    save(NET, folder / "protocol4.pth", pickle_protocol=4)
    names = ("model-00001-of-00001.safetensors", "NET.SAFETENSORS", "blob0123")
    for name in names:
        save(NET, folder / "plain.safetensors").rename(folder / name)
    yield from map(Case, ("protocol4.pth", *names))
