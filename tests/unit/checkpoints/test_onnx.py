"""Weights of an ONNX model: the nodes decide what they are, and where their values lie."""

import numpy as np
import pytest
from onnx import TensorProto, helper
from support.onnx_models import OPSET, convolution, external, model, stored, write

from kernel_atlas.checkpoints.onnx import OnnxTensors
from kernel_atlas.errors import AtlasError

LAYER = "blocks.0.conv_dw.weight"


@pytest.fixture
def weights(rng):
    """A weight of shape (8, 1, 3, 3)."""
    return rng.standard_normal((8, 1, 3, 3)).astype(np.float32)


@pytest.fixture
def opened(tmp_path):
    """A function that opens a model, or bytes, as a file."""
    return lambda content: OnnxTensors(write(tmp_path / "net.onnx", content))


def kinds(tensors):
    return {name: entry.kind for name, entry in tensors.entries.items()}


def only(tensors):
    """The one weight of a model, with its values."""
    ((name, entry),) = tensors.entries.items()
    values = tensors.read({name: None})[name]
    assert values.shape == entry.shape
    assert values.dtype == np.float32
    return name, values


@pytest.mark.parametrize(
    ("shape", "operator", "groups", "kind", "evidence"),
    [
        ((8, 1, 3, 3), "Conv", 8, "depthwise", "a Conv node with 8 groups"),
        ((16, 1, 5, 5), "Conv", 8, "depthwise", "a Conv node with 8 groups"),  # a multiplier of 2
        ((8, 1, 3), "Conv", 8, "depthwise", "a Conv node with 8 groups"),
        ((8, 1, 3, 3), "Conv", 1, "regular", "a Conv node with 1 group"),  # a grey image
        ((8, 2, 3, 3), "Conv", 4, "regular", "a Conv node with 4 groups"),
        ((8, 1, 3, 3), "FusedConv", 8, "depthwise", "a FusedConv node with 8 groups"),
        ((8, 1, 4, 4), "ConvTranspose", 8, "transposed", "a ConvTranspose node with 8 groups"),
        ((8, 1, 4, 4), "ConvTranspose", 1, "transposed", "a ConvTranspose node with 1 group"),
    ],
)
def test_groups_decide_and_not_the_shape(opened, shape, operator, groups, kind, evidence):
    node = convolution(LAYER, groups, operator)
    (entry,) = opened(model([node], stored(LAYER, np.ones(shape, "f4")))).entries.values()
    assert (entry.shape, entry.kind, entry.evidence) == (shape, kind, evidence)


@pytest.mark.parametrize(("groups", "shape"), [(5, (8, 1, 3, 3)), (0, (8, 1, 3, 3)), (8, (8,))])
def test_groups_that_do_not_fit_the_weight_are_named_and_not_read(opened, groups, shape):
    tensors = opened(model([convolution(LAYER, groups)], stored(LAYER, np.ones(shape, "f4"))))
    (entry,) = tensors.entries.values()
    assert entry.kind == "unreadable"
    assert entry.evidence.endswith("which do not fit its shape")


def test_rows_are_read_in_the_order_asked_for(opened, weights):
    tensors = opened(model([convolution(LAYER, 8)], stored(LAYER, weights)))
    found = tensors.read({LAYER: [5, 0]})
    assert list(found) == [LAYER]
    np.testing.assert_array_equal(found[LAYER], weights[[5, 0]])


def test_entries_are_in_the_graphs_order(opened, weights):
    nodes = [convolution(name, 8) for name in ("z.weight", "a.weight", "m.weight")]
    tensors = opened(
        model(nodes, *(stored(n, weights) for n in ("a.weight", "m.weight", "z.weight")))
    )
    assert list(tensors.entries) == ["z.weight", "a.weight", "m.weight"]
    assert tensors.is_ordered


@pytest.mark.parametrize(
    ("tensor", "node", "name"),
    [
        (LAYER, "Conv_3", LAYER),
        ("onnx::Conv_217", "/blocks/blocks.0/blocks.0.1/conv_dw/Conv", "blocks.0.1.conv_dw.weight"),
        ("onnx::Conv_217", "/net/stages/stages.1/0/dw/Conv_1", "net.stages.1.0.dw.weight"),
        ("onnx::Conv_217_quantized", "/dw/Conv_quant", "dw.weight"),
        (f"{LAYER}_quantized", "", LAYER),
        ("217", "Conv_12", "Conv_12.weight"),
        ("val_5", "", "Conv.weight"),
    ],
)
def test_a_made_up_name_gives_way_to_the_nodes(opened, weights, tensor, node, name):
    tensors = opened(model([convolution(tensor, 8, name=node)], stored(tensor, weights)))
    assert list(tensors.entries) == [name]


def test_the_scopes_that_torch_notes_name_a_weight_that_it_computed(opened, weights):
    node = convolution("mul_1", 8)
    note = node.metadata_props.add()
    note.key, note.value = "pkg.torch.onnx.name_scopes", "['', 'blocks', 'blocks.0', 'conv2d']"
    assert list(opened(model([node], stored("mul_1", weights))).entries) == ["blocks.0.weight"]
    note.value = "__import__('os').abort()"
    assert list(opened(model([node], stored("mul_1", weights))).entries) == ["mul_1"]


def test_two_layers_of_one_name_are_two_entries(opened, weights):
    nodes = [convolution(f"onnx::Conv_{i}", 8, name="/dw/Conv") for i in (1, 2)]
    tensors = [stored(f"onnx::Conv_{i}", weights * i) for i in (1, 2)]
    assert list(opened(model(nodes, *tensors)).entries) == ["dw.weight", "dw (2).weight"]


def test_a_weight_that_two_nodes_share_is_one_entry(opened, weights):
    same = helper.make_node("Identity", [LAYER], ["other.weight"])
    nodes = [same, convolution(LAYER, 8), convolution("other.weight", 8)]
    name, values = only(opened(model(nodes, stored(LAYER, weights))))
    assert name == LAYER
    np.testing.assert_array_equal(values, weights)


@pytest.mark.parametrize("dtype", [np.float64, np.float16])
def test_other_floating_point_types_are_read(opened, weights, dtype):
    tensors = opened(model([convolution(LAYER, 8)], stored(LAYER, weights.astype(dtype))))
    np.testing.assert_array_equal(only(tensors)[1], weights.astype(dtype).astype("f4"))
    assert tensors.entries[LAYER].dtype == np.dtype(dtype).name


def test_constants_are_read_and_casts_followed(opened, weights):
    half = weights.astype(np.float16)
    nodes = [
        helper.make_node("Constant", [], ["stored"], value=stored("", half)),
        helper.make_node("Cast", ["stored"], ["cast"], to=TensorProto.FLOAT),
        helper.make_node("Identity", ["cast"], [LAYER]),
        convolution(LAYER, 8, name="/dw/Conv"),
    ]
    tensors = opened(model(nodes))
    assert tensors.entries["dw.weight"].dtype == "float32"
    np.testing.assert_array_equal(only(tensors)[1], half.astype("f4"))


def test_convolutions_in_branches_and_functions_are_found(opened, weights):
    inner = helper.make_graph([convolution("inner.weight", 8)], "then", [], [])
    branch = helper.make_node("If", ["condition"], ["y"], then_branch=inner, else_branch=inner)
    function = helper.make_function(
        "lab", "Block", ["image", "w"], ["out"], [convolution("w", 8)], [OPSET]
    )
    call = helper.make_node("Block", ["image", "called.weight"], ["out"], domain="lab")
    names = ["inner.weight", "condition", "called.weight"]
    tensors = [stored(name, weights + i) for i, name in enumerate(names)]
    found = opened(model([branch, call], *tensors, functions=[function]))
    assert kinds(found) == {"inner.weight": "depthwise", "called.weight": "depthwise"}
    np.testing.assert_array_equal(found.read({"called.weight": None})["called.weight"], weights + 2)


def test_a_convolution_of_integers_is_dequantised_with_its_own_scale(opened):
    numbers = np.arange(72, dtype=np.uint8).reshape(8, 1, 3, 3)
    scale, zero_point = np.linspace(0.1, 0.8, 8, dtype="f4"), np.full(8, 30, np.uint8)
    inputs = ["image", "s", "z", LAYER, "scale", "zero", "s", "z"]
    node = helper.make_node("QLinearConv", inputs, ["out"], group=8)
    tensors = [stored(LAYER, numbers), stored("scale", scale), stored("zero", zero_point)]
    found = opened(model([node], *tensors))
    assert kinds(found) == {LAYER: "depthwise"}
    expected = (numbers.astype("f4") - 30) * scale[:, None, None, None]
    np.testing.assert_array_equal(only(found)[1], expected)


def test_int4_weights_are_dequantised(opened):
    numbers = (np.arange(72).reshape(8, 1, 3, 3) % 16 - 8).astype(int)
    packed = helper.make_tensor("q", TensorProto.INT4, numbers.shape, numbers.ravel())
    back = helper.make_node("DequantizeLinear", ["q", "scale"], [LAYER])
    found = opened(model([back, convolution(LAYER, 8)], packed, stored("scale", np.float32(0.5))))
    np.testing.assert_array_equal(only(found)[1], numbers * np.float32(0.5))


def unreadable(name):
    """Nodes and tensors before a convolution whose weight is not in the file."""
    numbers = stored("q", np.ones((8, 1, 3, 3), np.int8))
    factor = stored("v", np.ones((8, 1, 3, 3), "f4"))
    scale, blocks = stored("scale", np.float32(0.5)), stored("blocks", np.ones((8, 1, 3, 1), "f4"))
    quantised = helper.make_node("DequantizeLinear", ["q", "blocks"], ["w"], axis=3, block_size=3)
    return {
        "product": ([helper.make_node("Mul", ["v", "scale"], ["w"])], [factor, scale]),
        "input": ([helper.make_node("Identity", ["image"], ["w"])], []),
        "circle": ([helper.make_node("Identity", ["w"], ["w"])], []),
        "blocks": ([quantised], [numbers, blocks]),
        "scale": (
            [
                helper.make_node("Mul", ["scale", "scale"], ["s"]),
                helper.make_node("DequantizeLinear", ["q", "s"], ["w"]),
            ],
            [numbers, scale],
        ),
    }[name]


@pytest.mark.parametrize(
    ("name", "evidence"),
    [
        ("product", "computed in the graph by Mul"),
        ("input", "given to the network as an input"),
        ("circle", "computed in the graph by more than 20 nodes"),
        ("blocks", "quantised by blocks"),
        ("scale", "quantised with a scale or zero point computed in the graph by Mul"),
    ],
)
def test_a_weight_that_is_not_in_the_file_is_named_with_the_cause(opened, name, evidence):
    nodes, tensors = unreadable(name)
    found = opened(model([*nodes, convolution("w", 8, name="/dw/Conv")], *tensors))
    (entry,) = found.entries.values()
    assert (list(found.entries), entry.kind) == (["dw.weight"], "unreadable")
    assert entry.evidence == evidence
    if name == "product":  # how many kernels it hides is known
        assert entry.shape == (8, 1, 3, 3)


def test_integers_without_a_scale_are_named(opened):
    node = convolution(LAYER, 8, "ConvInteger")
    (entry,) = opened(model([node], stored(LAYER, np.ones((8, 1, 3, 3), "i1")))).entries.values()
    assert entry.shape == (8, 1, 3, 3)
    assert entry.kind == "unreadable"
    assert entry.evidence == "integers of a ConvInteger node, whose scale stands elsewhere"


def test_an_operator_of_another_domain_may_order_its_weight_differently(opened, weights):
    node = convolution(LAYER, 8)
    node.domain = "com.microsoft.nchwc"
    assert kinds(opened(model([node], stored(LAYER, weights)))) == {LAYER: "unreadable"}


def test_only_what_is_asked_for_is_read_of_external_data(opened, weights, tmp_path):
    (tmp_path / "net.data").write_bytes(weights.tobytes())  # the second weight is missing
    nodes = [convolution("a.weight", 8), convolution("b.weight", 8)]
    tensors = [external("a.weight", weights, "net.data")]
    tensors += [external("b.weight", weights, "net.data", weights.nbytes)]
    found = opened(model(nodes, *tensors))
    assert kinds(found) == {"a.weight": "depthwise", "b.weight": "depthwise"}
    np.testing.assert_array_equal(found.read({"a.weight": None})["a.weight"], weights)
    with pytest.raises(AtlasError, match=r"^layer b: its weight cannot be read \(External data"):
        found.read({"b.weight": None})


@pytest.mark.parametrize("location", ["../secret", "/etc/hostname", "link", "sub/../../secret"])
def test_external_data_outside_the_folder_is_refused(opened, weights, tmp_path, location):
    folder = tmp_path / "folder"
    folder.mkdir()
    (tmp_path / "secret").write_bytes(weights.tobytes())
    (folder / "link").symlink_to(tmp_path / "secret")
    content = model([convolution(LAYER, 8)], external(LAYER, weights, location))
    tensors = OnnxTensors(write(folder / "net.onnx", content))
    with pytest.raises(AtlasError, match="outside the model's folder, and is not read"):
        tensors.read({LAYER: None})


def test_missing_external_data_is_named(opened, weights):
    tensors = opened(model([convolution(LAYER, 8)], external(LAYER, weights, "net.onnx.data")))
    with pytest.raises(AtlasError) as caught:
        tensors.read({LAYER: None})
    assert str(caught.value) == (
        "layer blocks.0.conv_dw: its weight is in net.onnx.data, which is missing; put that file "
        "beside the model"
    )


def test_a_file_that_is_cut_off_anywhere_is_refused(opened, weights):
    content = model([convolution(LAYER, 8)], stored(LAYER, weights)).SerializeToString()
    refused = r"^net\.onnx is not a complete ONNX file \(.*\); export or download it again$"
    for length in [*range(0, len(content), 7), len(content) - 1]:
        with pytest.raises(AtlasError, match=refused):
            opened(content[:length])


def test_damaged_and_hostile_models_are_refused_in_one_sentence(opened, weights):
    longer = stored(LAYER, weights)
    longer.dims[0] = 1 << 40
    with pytest.raises(AtlasError, match=r"layer blocks\.0\.conv_dw: its weight cannot be read"):
        opened(model([convolution(LAYER, 8)], longer)).read({LAYER: None})
    call = helper.make_node("F", ["image"], ["out"], domain="lab")
    itself = helper.make_function("lab", "F", ["image"], ["out"], [call], [OPSET])
    for content in (model([call], functions=[itself]), b"", b"\x80\x02}.", b"PK\x03\x04" * 9):
        with pytest.raises(AtlasError, match="is not a complete ONNX file"):
            opened(content)
