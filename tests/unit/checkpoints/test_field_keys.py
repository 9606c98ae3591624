"""Where in a checkpoint the weights are, and which of them are read."""

import argparse
import collections

import numpy as np
import pytest
import torch
from support.field import check, dense, kernels, read, save, under

from kernel_atlas.errors import AtlasError

DW = kernels(1)
RAW = kernels(2)
NET = {"stem.weight": dense(6, 3, 3, 3), "dw.weight": DW, "head.weight": dense(10, 6)}
OTHER = NET | {"dw.weight": RAW}
STATES = {number: {"exp_avg": kernels(9), "step": torch.ones(())} for number in range(40)}
OPTIMISER = {"state": STATES, "param_groups": [{"lr": 0.1}]}


def left(*keys, name="dw"):
    """Other copies are named with the key that chooses them."""
    return {f"{key}.{name}": f"weights chooses ({key})" for key in keys}


# What training codes save; NET is what is right to read.
CODES = {
    "timm": ({"epoch": 3, "state_dict": OTHER, "state_dict_ema": NET}, left("state_dict")),
    "timm without averaging": ({"state_dict": NET, "optimizer": OPTIMISER, "metric": 81.2}, {}),
    "mmengine": (
        {"meta": {"epoch": 3}, "state_dict": OTHER, "ema_state_dict": NET},
        left("state_dict"),
    ),
    "lightning": ({"state_dict": NET, "callbacks": {}, "loops": {"fit": {"state": {}}}}, {}),
    "BasicSR": ({"params": OTHER, "params_ema": NET}, left("params")),
    "DiT": (
        {"model": OTHER, "ema": NET, "opt": OPTIMISER, "args": argparse.Namespace(lr=1)},
        left("model"),
    ),
    "ConvNeXt": ({"model": OTHER, "model_ema": NET, "scaler": {"scale": 2.0}}, left("model")),
    "DINO": ({"student": under("module.", OTHER), "teacher": NET}, left("student")),
    "score networks": ({"model": NET, "ema": {"decay": 0.999, "shadow_params": [DW]}}, {}),
    "empty average": ({"model": NET, "model_ema": {}, "ema": None}, {}),
    "StyleGAN": ({"g": OTHER, "d": OTHER, "g_ema": NET}, {}),
    "audio": ({"model_state_dict": OTHER, "ema_model_state_dict": NET}, left("model_state_dict")),
    "tutorial": ({"epoch": 5, "model_state_dict": NET, "loss": torch.tensor(0.3)}, {}),
    "CIFAR": ({"net": NET, "acc": 93.1, "epoch": 100}, {}),
    "a network in a state": ({"state_dict": {"model": {"net": NET}}, "anchors": dense(3, 2)}, {}),
    "flat beside an optimiser": (NET | {"optimizer": OPTIMISER, "epoch": 3}, {}),
    "ordered": (collections.OrderedDict(NET), {}),
    "parameters": ({"model": {n: torch.nn.Parameter(w) for n, w in NET.items()}}, {}),
    "arrays of numpy": ({"model": {name: w.numpy() for name, w in NET.items()}}, {}),
    "other byte order": ({"model": {n: w.numpy().astype(">f8") for n, w in NET.items()}}, {}),
}


@pytest.mark.parametrize(("content", "others"), CODES.values(), ids=CODES)
def test_known_keys(tmp_path, content, others):
    check(read(save(content, tmp_path / "x.pth")), {"dw": DW}, others)


def test_an_average_with_its_network_inside_a_key(tmp_path):
    """As ema-pytorch saves them: two twins under the key, and the network beside it."""
    average = under("online_model.", OTHER) | under("ema_model.", NET) | {"step": torch.ones(1)}
    path = save({"step": 7, "model": OTHER, "ema": average}, tmp_path / "x.pt")
    doubt = {"online_model.dw": "a copy of ema_model.dw"}
    check(read(path), {"ema_model.dw": DW}, left("model"), doubt)
    check(read(path, weights="ema.online_model"), {"dw": RAW})


def test_student_and_teacher_in_one_state(tmp_path):
    """As DINOv2 saves them."""
    content = {"model": under("student.backbone.", OTHER) | under("teacher.backbone.", NET)}
    path = save(content | {"iteration": 9}, tmp_path / "x.pth")
    doubt = {"student.backbone.dw": "a copy of teacher.backbone.dw"}
    check(read(path), {"teacher.backbone.dw": DW}, doubt=doubt)
    check(read(path, weights="teacher"), {"backbone.dw": DW})
    check(read(path, weights="student.backbone"), {"dw": RAW})


# A key that the user names, or a part of names; DW is what it leads to.
CHOICES = {
    "own key": ({"mine": NET, "epoch": 1}, "mine"),
    "own key beside a known one": ({"mine": NET, "model": OTHER}, "mine"),
    "not the average": ({"params": NET, "params_ema": OTHER}, "params"),
    "path": ({"run": {"nets": {"g": NET, "d": OTHER}}}, "run.nets.g"),
    "path with slashes": ({"run": {"nets": {"g": NET, "d": OTHER}}}, "run/nets/g"),
    "key with dots": ({"net.g": NET, "net": OTHER}, "net.g"),
    "path and prefix": ({"run": under("body.", NET) | under("neck.", OTHER)}, "run.body"),
    "prefix under a known key": ({"model": under("body.", NET) | under("neck.", OTHER)}, "body"),
    "prefix below a wrapper": ({"model": under("module.body.", NET)}, "body"),
    "prefix with its wrapper": ({"model": under("module.body.", NET)}, "module.body"),
    "prefix that begins another": (under("body2.", OTHER) | under("body.", NET), "body"),
    "prefix in flat names": ({f"ema_{n.replace('.', '_')}": w for n, w in NET.items()}, "ema"),
}


@pytest.mark.parametrize(("content", "weights"), CHOICES.values(), ids=CHOICES)
def test_column_weights(tmp_path, content, weights):
    name = "dw_weight" if weights == "ema" else "dw"
    layers = read(save(content, tmp_path / "x.pth"), weights=weights).layers
    assert [layer.name for layer in layers] == [name]
    assert np.array_equal(layers[0].kernels, DW[:, 0])


@pytest.mark.parametrize("weights", ["body", "body.", "net.body"])
def test_column_weights_of_safetensors(tmp_path, weights):
    root = "net.body." if "net" in weights else "body."
    content = under(root, NET) | under("neck.", OTHER)
    check(read(save(content, tmp_path / "x.safetensors"), weights=weights), {"dw": DW})


# Refused, with the keys that hold tensors.
REFUSED = {
    "own key": ({"weights_of_mine": NET, "epoch": 1}, "", "weights_of_mine"),
    "two networks": ({"generator": NET, "critic": OTHER}, "", "generator, critic"),
    "deep": ({"run": {"nets": {"g": NET}}}, "", "run.nets.g"),
    "behind an optimiser": ({"optimizer": OPTIMISER, "mine": NET}, "", "tensors: mine. Name"),
    "beside a tensor": ({"mean": torch.ones(1, 3, 1, 1), "mine": NET}, "", "tensors: mine. Name"),
    "wrong key": ({"run": {"g": NET}}, "run.h", "no weights under 'run.h'; .*tensors: run.g"),
    "wrong prefix": (NET, "body", "no weights under 'body'; its names begin with stem, dw, head"),
}


@pytest.mark.parametrize(("content", "weights", "message"), REFUSED.values(), ids=REFUSED)
def test_an_unknown_key_is_answered_with_the_keys_there_are(tmp_path, content, weights, message):
    with pytest.raises(AtlasError, match=message) as caught:
        read(save(content, tmp_path / "x.pth"), weights=weights)
    assert "in weights" in str(caught.value) or weights


@pytest.mark.parametrize("content", [{}, {"state_dict": {}}, [NET], {"epoch": 3}, "text", None])
def test_a_file_without_weights(tmp_path, content):
    with pytest.raises(AtlasError, match="has no weights; save the model's state_dict"):
        read(save(content, tmp_path / "x.pth"))
