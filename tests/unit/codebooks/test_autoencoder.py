"""The autoencoder: a decoder that mirrors its encoder, and one code in [0, 1]."""

import torch

from kernel_atlas.codebooks.autoencoder import Autoencoder
from kernel_atlas.sphere import to_sphere


def test_the_autoencoder_mirrors_its_encoder(rng):
    model = Autoencoder(48, (32, 16, 8))
    shapes = [
        [tuple(m.weight.shape)[::-1] for m in part if isinstance(m, torch.nn.Linear)]
        for part in (model.encoder, model.decoder)
    ]
    assert shapes == [
        [(48, 32), (32, 16), (16, 8), (8, 1)],
        [(1, 8), (8, 16), (16, 32), (32, 48)],
    ]
    kernels = torch.from_numpy(to_sphere(rng.normal(size=(9, 7, 7))))
    with torch.no_grad():
        codes, decoded = model.encode(kernels), model(kernels)
    assert codes.shape == (9, 1)
    assert decoded.shape == kernels.shape
    assert 0 <= codes.min() <= codes.max() <= 1
