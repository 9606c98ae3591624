"""Keras files: the layer's type decides what a kernel is, wherever the file tells it."""

import io
import json
import zipfile

import h5py
import numpy as np
import pytest

from kernel_atlas.checkpoints.keras import KerasTensors
from kernel_atlas.errors import AtlasError
from kernel_atlas.sources.local import LocalFile

# a layer's class and name, its settings, its kernels as Keras has them
LAYERS = [
    ("Conv2D", "stem", {"groups": 1}, [("kernel", (3, 3, 1, 8))]),
    ("DepthwiseConv2D", "dw_b", {}, [("kernel", (3, 3, 8, 2))]),
    ("DepthwiseConv2D", "dw_a", {}, [("kernel", (5, 5, 16, 1))]),
    (
        "SeparableConv2D",
        "pair",
        {},
        [("depthwise_kernel", (7, 7, 16, 1)), ("pointwise_kernel", (1, 1, 16, 4))],
    ),
    ("Conv2D", "grouped", {"groups": 4}, [("kernel", (3, 3, 1, 4))]),
    ("Conv2DTranspose", "up", {}, [("kernel", (2, 2, 6, 4))]),
    ("Dense", "head", {}, [("kernel", (6, 10))]),
]
DESCRIPTION = {
    "class_name": "Functional",
    "config": {
        "name": "net",
        "layers": [
            {"class_name": class_name, "config": {"name": name, **settings}}
            for class_name, name, settings, _ in LAYERS
        ],
    },
}
EXPECTED = {
    "stem": ("regular", (8, 1, 3, 3)),
    "dw_b": ("depthwise", (16, 1, 3, 3)),
    "dw_a": ("depthwise", (16, 1, 5, 5)),
    "pair": ("depthwise", (16, 1, 7, 7)),
    "pair.pointwise": ("regular", (4, 16, 1, 1)),
    "grouped": ("depthwise", (4, 1, 3, 3)),
    "up": ("transposed", (4, 6, 2, 2)),
}
SNAKE = {
    "Conv2D": "conv2d",
    "DepthwiseConv2D": "depthwise_conv2d",
    "SeparableConv2D": "separable_conv2d",
    "Conv2DTranspose": "conv2d_transpose",
    "Dense": "dense",
}


@pytest.fixture
def kernels(rng):
    """The kernels as Keras has them, by layer and weight."""
    return {
        (layer, weight): rng.standard_normal(shape).astype(np.float32)
        for _, layer, _, weights in LAYERS
        for weight, shape in weights
    }


def write_old(path, kernels, suffix, has_description=True):
    """A file as Keras 2 and 3 save ``.h5``, with the optimiser's copies of each kernel."""
    with h5py.File(path, "w") as file:
        if has_description:
            file.attrs["model_config"] = json.dumps(DESCRIPTION)
        group = file.create_group("model_weights") if has_description else file
        group.attrs["layer_names"] = [name.encode() for _, name, _, _ in LAYERS]
        for (layer, weight), values in kernels.items():
            group[f"{layer}/{layer}/{weight}{suffix}"] = values
            file[f"optimizer_weights/Adam/m/{layer}/{weight}{suffix}"] = values


def write_new(kernels):
    """The bytes of ``model.weights.h5``, as Keras 3 saves it."""
    buffer = io.BytesIO()
    counts = {}
    with h5py.File(buffer, "w") as file:
        for class_name, layer, _, weights in LAYERS:
            count = counts[class_name] = counts.get(class_name, -1) + 1
            group = SNAKE[class_name] + (f"_{count}" if count else "")
            parts = file.create_group(f"layers/{group}/vars")
            parts.attrs["name"] = layer
            for number, (weight, _) in enumerate(weights):
                parts[str(number)] = kernels[layer, weight]
                file[f"optimizer/vars/{len(file.get('optimizer/vars', ()))}"] = parts[str(number)][
                    ()
                ]
    return buffer.getvalue()


def write_archive(path, kernels):
    """A ``.keras`` file."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", json.dumps(DESCRIPTION))
        archive.writestr("model.weights.h5", write_new(kernels))


def opened(path):
    return KerasTensors(LocalFile(path))


def check(tensors, kernels, expected=EXPECTED):
    """Assert that these are the kernels, in torch's shapes and with these kinds."""
    found = {name.removesuffix(".weight"): entry for name, entry in tensors.entries.items()}
    assert {name: (entry.kind, entry.shape) for name, entry in found.items()} == expected
    values = tensors.read(dict.fromkeys(tensors.entries))
    assert {x.dtype for x in values.values()} == {np.dtype("f4")}
    # Keras has the kernel of channel 3 and multiplier 1 at [:, :, 3, 1], where torch has it at 7
    if ("dw_b", "kernel") in kernels:
        own = kernels["dw_b", "kernel"]
        np.testing.assert_array_equal(values["dw_b.weight"][7, 0], own[:, :, 3, 1])
        np.testing.assert_array_equal(
            tensors.read({"dw_b.weight": [7]})["dw_b.weight"][0, 0], own[:, :, 3, 1]
        )
    np.testing.assert_array_equal(
        values["pair.weight"][5, 0], kernels["pair", "depthwise_kernel"][:, :, 5, 0]
    )
    np.testing.assert_array_equal(
        values["stem.weight"][5, 0], kernels["stem", "kernel"][:, :, 0, 5]
    )
    np.testing.assert_array_equal(values["up.weight"][3, 5], kernels["up", "kernel"][:, :, 5, 3])


@pytest.mark.parametrize("suffix", [":0", ""])
def test_an_old_file_is_read_by_its_description(tmp_path, kernels, suffix):
    write_old(tmp_path / "net.h5", kernels, suffix)
    tensors = opened(tmp_path / "net.h5")
    check(tensors, kernels)
    assert tensors.is_ordered
    assert [name.removesuffix(".weight") for name in tensors.entries] == list(EXPECTED)


def test_an_archive_is_read_by_its_description(tmp_path, kernels):
    write_archive(tmp_path / "net.keras", kernels)
    tensors = opened(tmp_path / "net.keras")
    check(tensors, kernels)
    assert tensors.is_ordered
    assert [name.removesuffix(".weight") for name in tensors.entries] == list(EXPECTED)
    assert tensors.entries["dw_a.weight"].evidence == "a DepthwiseConv2D layer"
    assert tensors.entries["grouped.weight"].evidence == "a Conv2D layer with 4 groups"


def test_weights_alone_leave_open_what_a_kernel_for_one_channel_is(tmp_path, kernels):
    (tmp_path / "net.weights.h5").write_bytes(write_new(kernels))
    tensors = opened(tmp_path / "net.weights.h5")
    unknown = {name: ("", EXPECTED[name][1]) for name in ("stem", "grouped")}
    check(tensors, kernels, EXPECTED | unknown)
    assert not tensors.is_ordered


def test_old_weights_alone_count_what_is_named_a_depthwise_kernel(tmp_path):
    kernels = {("my_layer", "depthwise_kernel"): np.ones((3, 3, 8, 1), "f4")}
    kernels |= {("mine", "kernel"): np.ones((3, 3, 8, 1), "f4")}
    write_old(tmp_path / "net.h5", kernels, ":0", has_description=False)
    entries = opened(tmp_path / "net.h5").entries
    assert {name: entry.kind for name, entry in entries.items()} == {
        "my_layer.weight": "depthwise",
        "mine.weight": "unreadable",
    }
    assert entries["mine.weight"].evidence == "Keras does not say of what type its layer is"


@pytest.mark.parametrize("kind", ["link", "virtual", "external"])
def test_other_files_are_not_followed(tmp_path, kind):
    with h5py.File(tmp_path / "secret.h5", "w") as file:
        file["kernel"] = np.ones((3, 3, 8, 1), "f4")
    (tmp_path / "secret.bin").write_bytes(bytes(288))
    with h5py.File(tmp_path / "net.h5", "w") as file:
        group = file.create_group("dw/dw")
        if kind == "link":
            group["depthwise_kernel:0"] = h5py.ExternalLink("secret.h5", "kernel")
        elif kind == "virtual":
            layout = h5py.VirtualLayout((3, 3, 8, 1), "f4")
            layout[:] = h5py.VirtualSource(tmp_path / "secret.h5", "kernel", (3, 3, 8, 1))
            group.create_virtual_dataset("depthwise_kernel:0", layout)
        else:
            outside = [(str(tmp_path / "secret.bin"), 0, 288)]
            group.create_dataset("depthwise_kernel:0", (3, 3, 8, 1), "f4", external=outside)
    with pytest.raises(AtlasError, match=r"net\.h5 points to another file at dw/dw/depthwise"):
        opened(tmp_path / "net.h5")


@pytest.mark.parametrize("name", ["net.h5", "net.keras"])
def test_a_file_that_is_cut_off_is_refused(tmp_path, kernels, name):
    write_archive(tmp_path / "net.keras", kernels)
    write_old(tmp_path / "net.h5", kernels, ":0")
    content = (tmp_path / name).read_bytes()
    refused = rf"^{name} is not a complete Keras file \(.*\); save or download it again$"
    for length in (0, 8, 100, len(content) // 2, len(content) - 1):
        (tmp_path / name).write_bytes(content[:length])
        with pytest.raises(AtlasError, match=refused):
            opened(tmp_path / name)


@pytest.mark.parametrize("description", ["[]", "{", '{"config": {"layers": [3]}}', "{}{}", "3"])
def test_a_description_that_is_damaged_is_refused(tmp_path, kernels, description):
    with zipfile.ZipFile(tmp_path / "net.keras", "w") as archive:
        archive.writestr("config.json", description)
        archive.writestr("model.weights.h5", write_new(kernels))
    with pytest.raises(AtlasError, match="is not a complete Keras file"):
        opened(tmp_path / "net.keras")
