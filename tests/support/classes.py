"""Kernels and tables of classes that tests write out in words."""

import numpy as np
import pandas as pd

from kernel_atlas.family import functions
from kernel_atlas.family.names import CLASSES, DEAD, OTHER, order_classes

# kernels of a small codebook, by class; the last code has none
BANK = {
    "on_centre": functions.difference_of_gaussians(5, 0.8),
    "on_cross": functions.cross(5, 0.5),
    "first_derivative_right": functions.first_derivative(5, 1.0, 0.0),
    "other": functions.first_derivative(5, 1.0, np.pi),
}


def near(kernel: np.ndarray, dissimilarity: float, rng: np.random.Generator) -> np.ndarray:
    """A kernel at this dissimilarity from a centred one of unit norm."""
    aside = rng.normal(size=kernel.shape)
    aside -= aside.mean()
    aside -= (aside * kernel).sum() * kernel
    cosine = 1 - dissimilarity
    return cosine * kernel + np.sqrt(1 - cosine**2) * aside / np.linalg.norm(aside)


def classes_of(**layers: str) -> pd.DataFrame:
    """A table of classes: for each layer, its kernels' classes as a string of words."""
    rows = [(name, label) for name, labels in layers.items() for label in labels.split()]
    names, labels = zip(*rows, strict=True) if rows else ((), ())
    index = [list(layers).index(name) for name in names]
    categories = order_classes({*labels, "on_cross", OTHER, DEAD})
    classes = pd.DataFrame(
        {
            "layer": pd.Categorical.from_codes(np.array(index, int), list(layers)),
            "layer_index": np.array(index, np.int32),
            "class": pd.Categorical(labels, categories),
        }
    )
    return with_members(classes)


def with_members(classes: pd.DataFrame) -> pd.DataFrame:
    """Add made-up members to a table of classes: sigma 1, 2, ..., residual a hundredth of it.

    A member has the name of its class, `on_centre` for a user's own class. Kernels that are
    not clustered have none.
    """
    labels = classes["class"].astype(str)
    is_none = labels.isin([OTHER, DEAD])
    member = labels.where(labels.isin(CLASSES), "on_centre").mask(is_none)
    number = pd.Series(np.arange(1, 1 + len(classes), dtype=np.float32)).mask(is_none)
    is_derivative = labels.str.endswith("_second_derivative")
    return classes.assign(
        member=pd.Categorical(member, CLASSES),
        sigma=number,
        ratio=np.float32("nan"),
        direction=np.where(is_derivative, np.float32(0), np.float32("nan")),
        aspect=np.where(is_derivative, np.float32(1), np.float32("nan")),
        shift_x=0 * number,
        shift_y=0 * number,
        residual=number / np.float32(100),
    )
