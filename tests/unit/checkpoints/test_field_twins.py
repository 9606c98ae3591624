"""Copies of a network in one file are told from it; one layer under two names is one layer."""

import pytest
import torch
from support.field import check, dense, depthwise, kernels, read, save, under
from torch import nn
from torch.optim.swa_utils import AveragedModel

FORMATS = pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
DW = {"blocks.0.dw": kernels(1), "blocks.1.dw": kernels(2, size=5)}
RAW = {name: weight * 1.5 + 0.01 for name, weight in DW.items()}
EXTRA = kernels(3)


def state(layers, prefix=""):
    """A network with these depthwise layers."""
    weights = {f"{name}.weight": weight for name, weight in layers.items()}
    ends = {"stem.weight": dense(6, 3, 3, 3)}, {"head.weight": dense(10, 6)}
    return under(prefix, ends[0] | weights | ends[1])


def flat(layers, prefix, root):
    """A network's weights with its names' dots written otherwise."""
    return {root + f"{prefix}{n}.weight".replace(".", "_"): w for n, w in layers.items()}


def dotless(layers, prefix, root):
    layers = layers | {"z": dense(2, 2)}
    return {root + f"{prefix}{n}.weight".replace(".", ""): w for n, w in layers.items()}


# The copy that is read is named by its prefix; all others are named as copies.
COPIES = {
    "momentum first": ("momentum_backbone.", ["backbone."]),
    "momentum last": ("backbone_momentum.", ["backbone."]),
    "key and query": ("encoder_k.", ["encoder_q."]),
    "key, query and the network itself": ("encoder_k.0.", ["encoder_q.0.", "backbone."]),
    "base and momentum": ("momentum_encoder.", ["base_encoder."]),
    "momentum of a sequence": ("momentum_encoder.module.0.", ["backbone."]),
    "online and target": ("target_encoder.net.", ["online_encoder.net."]),
    "online, target and the network": ("target_encoder.net.", ["online_encoder.net.", "net."]),
    "deeper": ("learner.target_encoder.net.", ["learner.online_encoder.net.", "learner.net."]),
    "target of a policy": ("target_net.", ["policy_net."]),
    "target last": ("qnetwork_target.", ["qnetwork_local."]),
    "teacher": ("teacher.", ["student."]),
    "teacher below a wrapper": ("module.teacher.", ["module.student."]),
    "teacher below a root": ("model.teacher.backbone.", ["model.student.backbone."]),
    "averaged by torch": ("model_ema.module.", ["model."]),
    "averaged by torch, compiled": ("model_ema.module._orig_mod.", ["model._orig_mod."]),
    "no root": ("ema_model.", [""]),
    "generator": ("G_ema.", ["G."]),
    "stochastic weight averaging": ("swa_net.", ["net."]),
    "averages of two kinds": ("ema_model.", ["swa_model.", "model."]),
    "numbered averages": ("ema_0.model.", ["ema_1.model.", "model."]),
    "numbered without a mark between": ("ema1.", ["ema2.", "model."]),
    "an average beside a teacher": ("ema_model.", ["model.", "teacher."]),
    "nanodet": ("avg_model.", ["model."]),
}


def shown(prefix):
    return prefix.replace("module.", "").replace("_orig_mod.", "")


@FORMATS
@pytest.mark.parametrize(("best", "others"), COPIES.values(), ids=COPIES)
def test_one_copy_is_read_and_the_others_are_named(tmp_path, best, others, suffix):
    content = {name: w for other in others for name, w in state(RAW, other).items()}
    path = save(content | state(DW, best), tmp_path / f"x{suffix}")
    layers = {shown(best) + name: weight for name, weight in DW.items()}
    doubt = {shown(o) + n: f"a copy of {shown(best)}{n}, which" for o in others for n in DW}
    check(read(path), layers, doubt=doubt)


@FORMATS
@pytest.mark.parametrize(("best", "others"), COPIES.values(), ids=COPIES)
def test_column_weights_chooses(tmp_path, best, others, suffix):
    content = {name: w for other in others for name, w in state(RAW, other).items()}
    path = save(content | state(DW, best), tmp_path / f"x{suffix}")
    if others[0]:
        check(read(path, weights=shown(others[0]).rstrip(".")), RAW)
    check(read(path, weights=shown(best).rstrip(".")), DW)


@FORMATS
def test_averaged_names_without_dots(tmp_path, suffix):
    """As mmcv's EMAHook writes them, and LitEma of latent diffusion."""
    hook = state(RAW, "backbone.") | flat(DW, "backbone.", "ema_")
    best = {f"ema_backbone_blocks_{i}_dw_weight": DW[f"blocks.{i}.dw"] for i in range(2)}
    doubt = {f"backbone.{name}": "a copy of ema_backbone" for name in DW}
    check(read(save(hook, tmp_path / f"hook{suffix}")), best, doubt=doubt)
    lit = state(RAW, "model.diffusion_model.") | dotless(DW, "diffusion_model.", "model_ema.")
    lit |= {"model_ema.decay": torch.ones(()), "first_stage_model.dw.weight": EXTRA}
    path = save(lit, tmp_path / f"lit{suffix}")
    best = {f"model_ema.diffusion_modelblocks{i}dwweight": DW[f"blocks.{i}.dw"] for i in range(2)}
    doubt = {f"model.diffusion_model.{name}": "a copy of model_ema" for name in DW}
    check(read(path), best | {"first_stage_model.dw": EXTRA}, doubt=doubt)
    check(read(path, weights="model.diffusion_model"), RAW)


def test_a_copy_beside_layers_that_it_lacks(tmp_path):
    content = state(RAW, "model.student.") | state(DW, "model.teacher.")
    content["model.student.predictor.dw.weight"] = EXTRA
    layers = under("model.teacher.", DW) | {"model.student.predictor.dw": EXTRA}
    doubt = {f"model.student.{name}": "a copy of model.teacher" for name in DW}
    check(read(save(content, tmp_path / "x.pth")), layers, doubt=doubt)


@pytest.mark.parametrize("student", ["student.", "model.", ""])
def test_a_teacher_of_another_architecture_is_a_choice(tmp_path, student):
    teacher = {"teacher.dw1.weight": kernels(5, 12), "teacher.dw2.weight": EXTRA}
    path = save(state(DW, student) | teacher, tmp_path / "x.pth")
    with pytest.raises(Exception, match="one of two networks in the file") as caught:
        read(path)
    assert "choose one in weights" in str(caught.value)
    check(read(path, weights="teacher"), {"dw1": kernels(5, 12), "dw2": EXTRA})
    if student:
        check(read(path, weights=student.rstrip(".")), DW)


NOT_TWINS = {
    "projections to q, k and v": [
        f"stages.0.blocks.{i}.attn.conv_proj_{x}.conv" for i in (0, 1) for x in "qkv"
    ],
    "an attention module named ema": [
        f"model.{i}.{name}" for i in (4, 6) for name in ("ema.dwconv", "dwconv")
    ],
    "one such module": [f"model.{name}" for name in ("2.dw", "3.dw", "4.ema.dw", "4.dw", "5.dw")],
    "siblings in a block": [f"blocks.{i}.{name}" for i in (0, 1) for name in ("avg_dw", "dw")],
    "siblings without a block": ["avg_dw", "dw", "ema_dw"],
    "branches": ["fast.0.dw", "slow.0.dw"],
    "stages of one shape": ["stage1.0.dw", "stage2.0.dw", "target_head.dw"],
}


@FORMATS
@pytest.mark.parametrize("names", NOT_TWINS.values(), ids=NOT_TWINS)
def test_what_is_no_copy_is_counted(tmp_path, names, suffix):
    layers = {name: kernels(i) for i, name in enumerate(names)}
    check(read(save(state(layers), tmp_path / f"x{suffix}")), layers)


class Tied(nn.Module):
    """A layer that is used twice, and a handle on the compiled network."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(depthwise(EXTRA), depthwise(kernels(4)))
        self.decoder = nn.Sequential(self.encoder[0])
        self.fast = torch.compile(self.encoder, backend="eager")


def test_one_storage_under_several_names(tmp_path):
    reading = read(save(nn.DataParallel(Tied()).state_dict(), tmp_path / "x.pth"))
    left = dict.fromkeys(["decoder.0", "fast.0", "fast.1"], "the same weight as encoder")
    check(reading, {"encoder.0": EXTRA, "encoder.1": kernels(4)}, left)


def test_equal_content_under_several_names(tmp_path):
    """.safetensors has no shared storage: what is stored twice is told by its content."""
    content = {name: tensor.clone() for name, tensor in Tied().state_dict().items()}
    reading = read(save(content, tmp_path / "x.safetensors"))
    left = {"encoder.0": "the same weight as decoder.0", "fast.0": "", "fast.1": "encoder.1"}
    check(reading, {"decoder.0": EXTRA, "encoder.1": kernels(4)}, left)


@pytest.mark.parametrize(
    "name",
    [
        "module.net.dw.weight",
        "net._orig_mod.dw.weight",
        "_orig_mod.net.module.dw.weight",
        "module._fsdp_wrapped_module.net._checkpoint_wrapped_module.dw.weight",
    ],
)
@FORMATS
def test_wrappers_vanish_anywhere_in_a_name(tmp_path, name, suffix):
    check(read(save({name: EXTRA}, tmp_path / f"x{suffix}")), {"net.dw": EXTRA})


def test_an_averaged_model_alone(tmp_path):
    content = AveragedModel(nn.Sequential(depthwise(EXTRA))).state_dict()
    check(read(save(content, tmp_path / "x.pth")), {"0": EXTRA})
