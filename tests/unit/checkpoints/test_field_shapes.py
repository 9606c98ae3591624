"""What the shape (n, 1, k, k) alone cannot tell is left out, named, and included on demand."""

import pytest
import torch
from support.field import check, dense, kernels, read, save
from torch import nn

from kernel_atlas.checkpoints.choice import Choice
from kernel_atlas.checkpoints.entry import Entry
from kernel_atlas.checkpoints.evidence import judge
from kernel_atlas.checkpoints.facts import Facts
from kernel_atlas.errors import AtlasError
from kernel_atlas.sources.timm_import import import_timm

FORMATS = pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
DW = kernels(1)
STEM = kernels(2, 16)
HEAD = kernels(3, 64, 4)
FIRST = "regular convolution of one channel, the network's first"
LAST = "perhaps a transposed convolution to one channel"


def mapping(**layers):
    """A state dict; two underscores stand for a dot."""
    return {f"{name.replace('__', '.')}.weight": weight for name, weight in layers.items()}


# A network with one layer `dw` that is depthwise, and what is in doubt.
DOUBTS = {
    "grey stem": (mapping(stem=STEM, dw=DW, pw=dense(32, 16)), {"stem": FIRST}),
    "torchvision": (
        mapping(features__0__0=STEM, dw=DW, features__2=dense(32, 16, 1, 1), fc=dense(9, 32)),
        {"features.0.0": FIRST},
    ),
    "ResNet": (mapping(conv1=STEM, layer1__0__conv1=dense(8, 16, 3, 3), dw=DW), {"conv1": FIRST}),
    "U-Net": (
        mapping(inc__double_conv__0=STEM, down=dense(32, 16, 3, 3), dw=DW, outc=dense(1, 48, 1, 1)),
        {"inc.double_conv.0": FIRST},
    ),
    "U-Net, named otherwise": (
        mapping(dconv_down1__0=STEM, dw=DW, z=dense(32, 16, 3, 3)),
        {"dconv_down1.0": FIRST},
    ),
    "patches": (
        mapping(backbone__patch_embed__proj=STEM, dw=DW, blocks__0__fc=dense(9, 16)),
        {"backbone.patch_embed.proj": FIRST},
    ),
    "depth beside colours": (
        mapping(rgb__conv1=dense(16, 3, 3, 3), heat__conv1=STEM, dw=DW, fc=dense(9, 16)),
        {"heat.conv1": FIRST},
    ),
    "upsampling head": (
        mapping(stem=dense(6, 3, 3, 3), dw=DW, pw=dense(64, 6), final=HEAD),
        {"final": LAST},
    ),
    "decoder": (
        mapping(stem=dense(6, 3, 3, 3), dw=DW, decoder__4=HEAD, x=dense(64, 6)),
        {"decoder.4": LAST},
    ),
    "last without a name": (
        mapping(conv1=dense(6, 3, 3, 3), dw=DW, conv3=dense(64, 6), m__9=HEAD),
        {"m.9": LAST},
    ),
    "TensorFlow's layout": (
        {"a/depthwise_weights": torch.ones(3, 3, 24, 1)} | mapping(a__w=dense(9, 9), dw=DW),
        {"a/depthwise_weights": "another layout (height, width, channels, 1)"},
    ),
    "a filter as large as the image": (
        mapping(dw=DW, x__dw=kernels(4, 2, 64), z=dense(9, 9)),
        {"x.dw": "larger than any"},
    ),
    "1 x k": (
        mapping(dw=DW, dw_h=torch.ones(9, 1, 1, 11), dw_w=torch.ones(9, 1, 11, 1), z=dense(9, 9)),
        {"dw_h": "9 kernels of 1x11: only square", "dw_w": "9 kernels of 11x1: only square"},
    ),
    "3-D": (
        mapping(dw=DW, x=torch.ones(1200, 1, 3, 3, 3), z=dense(9, 9)),
        {"x": "1,200 kernels of 3x3x3: only square"},
    ),
    "1-D": (mapping(dw=DW, x=torch.ones(24, 1, 4), z=dense(9, 9)), {"x": "24 kernels of 4: only"}),
    "parameter with a name of its own": (
        {"queries": kernels(5)} | mapping(dw=DW, z=dense(9, 9)),
        {"queries": "not named as a weight"},
    ),
    "whole numbers": (mapping(dw=DW, x=kernels(5).int(), z=dense(9, 9)), {"x": "int32 weights"}),
}
SQUARE = {
    key: content
    for key, content in DOUBTS.items()
    if FIRST in str(content) or LAST in str(content) or "named as" in str(content)
}


@FORMATS
@pytest.mark.parametrize(("content", "doubt"), DOUBTS.values(), ids=DOUBTS)
def test_in_doubt_it_is_not_counted_but_named(tmp_path, content, doubt, suffix):
    check(read(save(content, tmp_path / f"x{suffix}")), {"dw": DW}, doubt=doubt)


@FORMATS
@pytest.mark.parametrize(("content", "doubt"), SQUARE.values(), ids=SQUARE)
def test_include_and_exclude_decide(tmp_path, content, doubt, suffix):
    (name,) = doubt
    weight = content.get(name, content.get(f"{name}.weight"))
    path = save(content, tmp_path / f"x{suffix}")
    check(read(path, include=name), {"dw": DW, name: weight})
    check(
        read(path, include=f"{name[:-1]}?", exclude="d?"),
        {name: weight},
        {"dw": "named in exclude"},
    )
    check(read(path, exclude=name), {"dw": DW}, {name: "named in exclude"})


@pytest.mark.parametrize("column", ["include", "exclude"])
def test_a_pattern_that_matches_nothing_is_refused(tmp_path, column):
    path = save(mapping(dw=DW), tmp_path / "x.pth")
    with pytest.raises(AtlasError, match=rf"{column} 'x\.\*' matches no .*\(candidates: dw\)"):
        read(path, **{column: "d* x.*"})


# The whole checkpoint holds no depthwise layer; the cause is a word of the refusal.
NONE = {
    "digits": (mapping(conv1=kernels(2, 32, 5), conv2=dense(64, 32, 5, 5), fc=dense(9, 64)), FIRST),
    "discriminator": (mapping(main__0=STEM, main__2=dense(32, 16, 4, 4)), FIRST),
    "generator": (mapping(main__0=dense(100, 64, 4, 4), main__6=HEAD), LAST),
    "plain U-Net": (mapping(inc__0=STEM, down=dense(32, 16, 3, 3), up=dense(32, 16, 2, 2)), FIRST),
}


@FORMATS
@pytest.mark.parametrize(("content", "cause"), NONE.values(), ids=NONE)
def test_a_network_without_depthwise_layers_is_refused(tmp_path, content, cause, suffix):
    with pytest.raises(AtlasError, match=cause) as caught:
        read(save(content, tmp_path / f"x{suffix}"))
    assert "to count it, name it in include" in str(caught.value)


# Depthwise layers without telling names, in places where others are in doubt.
COUNTED = {
    "RGB stem": mapping(stem__0=dense(6, 3, 3, 3), stem__1=DW, z=dense(9, 6)),
    "multi-band stem": mapping(stem__0=dense(6, 12, 3, 3), stem__1=DW, z=dense(9, 6)),
    "last, with its norm": mapping(conv=dense(6, 3, 3, 3), x__1=DW, x__2=torch.ones(6)),
    "last, with a bias": mapping(conv=dense(6, 3, 3, 3), z=DW) | {"z.bias": torch.ones(6)},
    "before an activation's one number": mapping(
        conv=dense(6, 3, 3, 3), x__0=DW, x__1=torch.ones(1), z=dense(9, 6)
    ),
    "depthwise layers alone": mapping(a=DW, b=kernels(4)),
}


@FORMATS
@pytest.mark.parametrize("content", COUNTED.values(), ids=COUNTED)
def test_depthwise_layers_in_these_places_stay(tmp_path, content, suffix):
    layers = {n.removesuffix(".weight"): w for n, w in content.items() if w.shape[1:2] == (1,)}
    check(read(save(content, tmp_path / f"x{suffix}")), layers)


@FORMATS
def test_a_bias_tells_a_transposed_convolution(tmp_path, suffix):
    content = mapping(stem=dense(6, 3, 3, 3), dw=DW, y=HEAD) | {"y.bias": torch.ones(1)}
    reading = read(save(content | mapping(z=dense(9, 6)), tmp_path / f"x{suffix}"))
    check(reading, {"dw": DW}, {"y": "a transposed convolution to one channel, by its bias"})


TABLES = ["rel_pos_bias", "attn.bias", "attn.mask", "pos_embed", "relative_position_index", "grid"]


@FORMATS
@pytest.mark.parametrize("name", TABLES)
def test_tables_and_masks_are_no_kernels(tmp_path, name, suffix):
    content = {name: kernels(5)} | mapping(dw=DW, z=dense(9, 6))
    check(read(save(content, tmp_path / f"x{suffix}")), {"dw": DW}, {name: "a table or mask"})


BRANCHES = [
    *("lkb_origin.conv", "small_conv.conv"),
    *("rbr_dense.conv", "rbr_skip.conv"),
    *("conv_kxk.0.conv", "conv_kxk.1.conv"),
]


@FORMATS
@pytest.mark.parametrize("names", [BRANCHES[:2], BRANCHES[2:4], BRANCHES[4:]])
def test_parallel_branches_are_counted_and_named(tmp_path, names, suffix):
    layers = {f"blocks.0.{name}": kernels(20 + i) for i, name in enumerate(names)}
    content = mapping(stem=dense(6, 3, 3, 3), dw=DW, **layers, z=dense(9, 6))
    reading = read(save(content, tmp_path / f"x{suffix}"))
    check(reading, layers | {"dw": DW})
    named = {row.name for row in reading.inventory if row.in_doubt and "branches" in row.why}
    assert named == layers.keys()


@pytest.mark.parametrize("in_chans", [1, 12])
@pytest.mark.parametrize("name", ["mobilenetv3_small_050", "convnext_atto", "edgenext_xx_small"])
def test_networks_of_timm_for_images_of_any_channels(name, in_chans):
    """Names and shapes alone tell what the modules' groups say."""
    with torch.device("meta"):
        net = import_timm().create_model(name, in_chans=in_chans)
    convolutions = {n: m for n, m in net.named_modules() if isinstance(m, nn.Conv2d)}
    expected = {n for n, m in convolutions.items() if m.groups == m.in_channels > 1}
    (first, *_) = convolutions
    entries = {n: Entry(tuple(tensor.shape)) for n, tensor in net.state_dict().items()}
    for is_ordered in (True, False):
        names = entries if is_ordered else sorted(entries)
        found = Facts({n: entries[n] for n in names}, Choice(), {}, is_ordered)
        rows = judge(found).values()
        assert {row.name for row in rows if row.counted} == expected
        assert {row.name for row in rows if row.in_doubt} == ({first} if in_chans == 1 else set())
