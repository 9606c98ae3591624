"""The names of classes, in the order of tables and figures."""

from kernel_atlas.family.functions import MAKERS

CLASSES = tuple(MAKERS)
_TURNED = {"on": "off", "right": "left", "down": "up"}
_TURNED |= {new: old for old, new in _TURNED.items()}
OTHER = "other"  # not clustered
DEAD = "dead"  # no direction, so neither clustered nor other


def opposite(label: str) -> str:
    """The class of the negative of a kernel: off for on, left for right; `other` stays as it is."""
    first, *middle = label.split("_")
    if first in ("on", "off"):
        return "_".join([_TURNED[first], *middle])
    if label.startswith("first_derivative_"):
        return "_".join([first, *middle[:-1], _TURNED.get(middle[-1], middle[-1])])
    return label


def order_classes(labels: set[str]) -> list[str]:
    """Put classes in the order of tables and figures: the family, own classes, other, dead."""
    own = sorted(labels - set(CLASSES) - {OTHER, DEAD})
    return [name for name in (*CLASSES, *own, OTHER, DEAD) if name in labels]
