"""Networks of an arm, and what they start from."""

import pytest
import torch
import yaml
from safetensors.torch import save_file

from kernel_atlas.errors import AtlasError
from kernel_atlas.experiments.networks import build_network, check_network, start_network
from kernel_atlas.init import find_layers
from kernel_atlas.sources.timm_import import import_timm

SMALL = {
    "name": "ConvMixer",
    "arguments": {"dim": 16, "depth": 2, "kernel_size": 5, "patch_size": 4, "act_layer": "relu"},
}
PAPER = {"kaiming": 21.4e6, "efficientnet_b4": 19.3e6}  # Tables 4 and 3: 21 M and 19 M


@pytest.fixture(scope="module", autouse=True)
def timm():
    return import_timm()


def small(n_classes=4):
    torch.manual_seed(0)
    return build_network(SMALL, n_classes=n_classes, image_size=16)


def kernels_of(network):
    return {name: layer.weight.detach().clone() for name, layer in find_layers(network).items()}


def changed(network, before):
    after = network.state_dict()
    return {name for name, value in before.items() if not value.equal(after[name])}


@pytest.fixture
def checkpoint(tmp_path):
    """Weights of the small network, and their file."""
    network = small()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(2)
    save_file(network.state_dict(), tmp_path / "small.safetensors")
    return network.state_dict(), tmp_path / "small.safetensors"


@pytest.fixture(scope="module")
def paper(repository):
    """The paper's arms."""
    text = (repository / "experiments/paper.yaml").read_text(encoding="utf-8")
    return yaml.safe_load(text)["experiments"]


@pytest.mark.parametrize("arm", PAPER)
def test_networks_of_the_paper_have_its_numbers_of_parameters(paper, arm):
    with torch.device("meta"):
        network = build_network(paper[arm]["network"], n_classes=1000, image_size=224)
        n_parameters = sum(parameter.numel() for parameter in network.parameters())
        assert n_parameters == pytest.approx(PAPER[arm], abs=0.1e6)


@pytest.mark.slow
@pytest.mark.parametrize("arm", PAPER)
def test_networks_of_the_paper_take_a_step(paper, arm):
    size = paper[arm]["image_size"]
    network = build_network(paper[arm]["network"], n_classes=1000, image_size=size)
    start_network(network, "dog")
    optimizer = torch.optim.SGD(network.parameters(), lr=0.01)
    before = kernels_of(network)
    loss = torch.nn.functional.cross_entropy(
        network(torch.randn(2, 3, size, size)), torch.tensor([3, 999])
    )
    loss.backward()
    optimizer.step()
    assert torch.isfinite(loss)
    moved = [not before[name].equal(kernels) for name, kernels in kernels_of(network).items()]
    assert sum(moved) > len(moved) / 2  # stochastic depth leaves some blocks out


def test_arguments_reach_the_network():
    network = small(n_classes=3)
    assert network(torch.zeros(2, 3, 16, 16)).shape == (2, 3)
    assert [tuple(kernels.shape) for kernels in kernels_of(network).values()] == [(16, 1, 5, 5)] * 2
    assert any(isinstance(module, torch.nn.ReLU) for module in network.modules())


@pytest.mark.parametrize(
    ("network", "message"),
    [
        ({"name": "convmixer_768_33"}, "no network 'convmixer_768_33'; similar: convmixer_768_32"),
        ({"name": "ConvMixr"}, "no network 'ConvMixr'; similar: ConvMixer"),
        ({"name": "ConvMixer", "arguments": {"dim": 8}}, "cannot build 'ConvMixer'.*depth"),
        ({"name": "ConvMixer", "arguments": {"act_layer": "rely"}}, "KeyError: 'rely'"),
        ({"name": "convnext_atto.no_tag"}, "cannot build 'convnext_atto.no_tag'.*no_tag"),
    ],
)
def test_what_timm_cannot_build_is_named(network, message):
    with pytest.raises(AtlasError, match=message) as caught:
        build_network(network, n_classes=2, image_size=16)
    assert "\n" not in str(caught.value)


def test_images_that_a_network_cannot_take_are_named():
    network = small(n_classes=3)
    check_network(network, n_classes=3, image_size=16)
    assert network.training
    with pytest.raises(AtlasError, match="ConvMixer cannot take images of 3 x 3 pixels") as caught:
        check_network(network, n_classes=3, image_size=3)
    assert "\n" not in str(caught.value)
    with pytest.raises(AtlasError, match="does not give one score for each class"):
        check_network(network, n_classes=4, image_size=16)


@pytest.mark.parametrize("start", ["dog", "keys"])
def test_a_start_changes_depthwise_kernels_alone_and_by_its_seed(start):
    network = small()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    start_network(network, start, seed=1)
    assert changed(network, before) == {f"{name}.weight" for name in find_layers(network)}
    first = kernels_of(network)
    start_network(network, start, seed=2)
    assert not any(first[name].equal(kernels) for name, kernels in kernels_of(network).items())


@pytest.mark.parametrize("start", ["kaiming", "dog", "keys"])
def test_frozen_kernels_stay_through_a_step(start):
    network = small()
    start_network(network, start, frozen=True)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    optimizer = torch.optim.SGD(network.parameters(), lr=1.0)
    network(torch.randn(4, 3, 16, 16)).square().mean().backward()
    optimizer.step()
    depthwise = {f"{name}.weight" for name in find_layers(network)}
    assert "head.weight" in changed(network, before)
    assert not depthwise & changed(network, before)


def test_kaiming_is_the_network_as_it_was_built():
    network = small()
    start_network(network, "kaiming", seed=5)
    assert not changed(network, small().state_dict())


def test_a_checkpoint_is_a_start(checkpoint):
    weights, path = checkpoint
    network = small()
    start_network(network, f"file:{path}")
    assert not changed(network, weights)


def test_a_classifier_for_other_classes_stays(checkpoint):
    weights, path = checkpoint
    network = small(n_classes=7)
    own = network.head.weight.detach().clone()
    start_network(network, f"file:{path}")
    assert torch.equal(network.head.weight, own)
    assert torch.equal(network.stem[0].weight, weights["stem.0.weight"])


def test_faults_of_a_start_are_named(checkpoint, tmp_path):
    _, path = checkpoint
    deeper = build_network(
        {"name": "ConvMixer", "arguments": SMALL["arguments"] | {"depth": 3}},
        n_classes=4,
        image_size=16,
    )
    with pytest.raises(AtlasError, match=r"small.safetensors is not of this network: .*blocks\.2"):
        start_network(deeper, f"file:{path}")
    with pytest.raises(AtlasError, match="no such file"):
        start_network(small(), f"file:{tmp_path}/no.pth")
    with pytest.raises(AtlasError, match="unknown start 'gabor'"):
        start_network(small(), "gabor")
