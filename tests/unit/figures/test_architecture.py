"""The figure of the autoencoder: what it says of it is true of the network that is trained."""

import pytest
from support.figures import texts_of
from torch import nn

from kernel_atlas.codebooks.autoencoder import Autoencoder
from kernel_atlas.figures.architecture import count_parameters, layer_widths, plot_architecture

CONFIGURATIONS = pytest.mark.parametrize(
    ("size", "widths"), [(7, [256, 128, 64, 16]), (5, [8]), (3, [20, 10, 5])]
)


def parts_of(size, widths):
    """The linear maps and the activations of the network."""
    network = Autoencoder(size**2 - 1, widths)
    modules = [*network.encoder, *network.decoder]
    maps = [module for module in modules if isinstance(module, nn.Linear)]
    return maps, [type(module).__name__ for module in modules if module not in maps]


@CONFIGURATIONS
def test_layers_and_parameters_are_those_of_the_network(size, widths):
    maps, _ = parts_of(size, widths)
    layers = layer_widths(size, widths)
    assert layers == [maps[0].in_features, *(part.out_features for part in maps)]
    counts = [sum(weight.numel() for weight in part.parameters()) for part in maps]
    assert count_parameters(layers) == counts


@CONFIGURATIONS
def test_the_figure_has_all_layers_in_order_with_their_activations(size, widths):
    maps, activations = parts_of(size, widths)
    figure = plot_architecture(size, widths)
    (axes,) = figure.axes
    layers = layer_widths(size, widths)
    at = {}  # what stands above and below each bar
    for text in axes.texts:
        at.setdefault(text.get_position()[0], []).append(text.get_text())
    assert [at[place][0] for place in range(len(layers))] == [f"{n:,}" for n in layers]
    drawn = [at[place][1] for place in range(1, len(layers))]
    assert [name.lower() for name in drawn] == [name.lower() for name in activations]
    counts = count_parameters(layers)
    assert [at[place + 0.5][0] for place in range(len(counts))] == [f"{n:,}" for n in counts]
    n_parameters = sum(weight.numel() for part in maps for weight in part.parameters())
    assert f"{size}x{size}: autoencoder with {n_parameters:,} parameters" in texts_of(figure)
    assert len(axes.patches) == len(layers)


@CONFIGURATIONS
def test_encoder_and_decoder_have_their_shares_of_the_parameters(size, widths):
    network = Autoencoder(size**2 - 1, widths)
    texts = texts_of(plot_architecture(size, widths))
    for name in ("encoder", "decoder"):
        n_parameters = sum(weight.numel() for weight in getattr(network, name).parameters())
        assert f"{name}:\n{n_parameters:,} parameters" in texts
