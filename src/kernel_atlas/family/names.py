"""The names of classes, in the order of tables and figures."""

from kernel_atlas.family.functions import MAKERS

CLASSES = tuple(MAKERS)
OTHER = "other"  # not clustered
DEAD = "dead"  # no direction, so neither clustered nor other


def order_classes(labels: set[str]) -> list[str]:
    """Put classes in the order of tables and figures: the family, own classes, other, dead."""
    own = sorted(labels - set(CLASSES) - {OTHER, DEAD})
    return [name for name in (*CLASSES, *own, OTHER, DEAD) if name in labels]
