"""Kernels and tables of classes that tests write out in words."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from kernel_atlas.classes.table import ClassTable
from kernel_atlas.family import functions
from kernel_atlas.family.names import CLASSES, DEAD, OTHER, order_classes
from kernel_atlas.tables.layers import count_by_layer

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
    """A table of classes: for each layer, its kernels as a string of words.

    A word is the kernel's class by the paper's ruler (`on_centre`), which its member then has
    too, or class and member (`other/on_cross`). A ``~`` before the member says that the
    residual is too large (`other` alone is `other/~on_centre`), one before the class that the
    kernel is near but its interval has none (`~other`). Without a codebook the class is ``-``.
    """
    rows = [(name, word) for name, words in layers.items() for word in words.split()]
    names, words = zip(*rows, strict=True) if rows else ((), ())
    index = np.array([list(layers).index(name) for name in names], int)
    pairs = [(word.partition("/")[0], word.partition("/")[2]) for word in words]
    found = [label.removeprefix("~") for label, _ in pairs]
    is_near = [label not in (OTHER, DEAD, "-") for label, _ in pairs]
    classes = pd.DataFrame(
        {
            "layer": pd.Categorical.from_codes(index, list(layers)),
            "layer_index": index.astype(np.int32),
            "near": pd.array(is_near if "-" not in found else [None] * len(found), "boolean"),
            "class": pd.Categorical(
                [None if label == "-" else label for label in found],
                order_classes({*found, "on_cross", OTHER, DEAD} - {"-"}),
            ),
        }
    )
    return with_members(classes, [member for _, member in pairs])


def arrays_of(classes: Mapping[int, pd.DataFrame]) -> dict[int, ClassTable]:
    """These tables of classes, by kernel size, as the figures of a model take them."""
    return {size: ClassTable.of(table) for size, table in classes.items()}


def layers_of(classes: Mapping[tuple[str, int], pd.DataFrame]) -> pd.DataFrame:
    """The table layers.tsv of these tables of classes by model and kernel size."""
    tables = [
        count_by_layer(ClassTable.of(table)).assign(model=model, kernel_size=size)
        for (model, size), table in classes.items()
    ]
    return pd.concat(tables, ignore_index=True)


def with_members(classes: pd.DataFrame, members: Sequence[str] = ()) -> pd.DataFrame:
    """Add made-up members to a table of classes: sigma 1, 2, ..., residual a hundredth of it.

    The gains behind the layers are not known.

    `members` are as in `classes_of`. By default a member has the name of its class, or
    `on_centre` for a user's own class; those of class `other` are not matched.
    """
    labels = classes["class"].astype(object).fillna("-").tolist()
    own = [label if label in CLASSES else "on_centre" for label in labels]
    given = [member.removeprefix("~") for member in members] or [""] * len(labels)
    is_dead = classes["class"] == DEAD
    member = pd.Series([a or b for a, b in zip(given, own, strict=True)], dtype=object)
    member = member.mask(is_dead)
    is_far = [
        text.startswith("~") or (not text and label == OTHER)
        for text, label in zip(members or [""] * len(labels), labels, strict=True)
    ]
    number = pd.Series(np.arange(1, 1 + len(classes), dtype=np.float32)).mask(is_dead)
    is_derivative = member.astype(str).str.endswith("_second_derivative")
    return classes.assign(
        member=pd.Categorical(member, CLASSES),
        sigma=number,
        ratio=np.float32("nan"),
        direction=np.where(is_derivative, np.float32(0), np.float32("nan")),
        aspect=np.where(is_derivative, np.float32(1), np.float32("nan")),
        shift_x=0 * number,
        shift_y=0 * number,
        residual=number / np.float32(100),
        lead=0.1 + 0 * number,
        matched=~(is_dead | np.array(is_far, bool)),
        gain_sign=pd.array([None] * len(classes), "Int8"),
        folded_class=pd.Categorical([None] * len(classes), classes["class"].cat.categories),
    )
