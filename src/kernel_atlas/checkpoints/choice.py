"""What a user says of a checkpoint: which entry of it to read, and which layers to count."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase

from kernel_atlas.checkpoints.entry import Part, Tensors
from kernel_atlas.checkpoints.layer import without_wrappers
from kernel_atlas.errors import AtlasError, one_line

MAX_SHOWN = 12


@dataclass(frozen=True)
class Choice:
    """The sheet's columns of these names, or the command's options.

    Attributes
    ----------
    weights : str
        A key path or a prefix of names: ``params_ema``, ``teacher.backbone``.
    include, exclude : str
        Patterns of layer names (``*`` and ``?``), separated by spaces.
    """

    weights: str = ""
    include: str = ""
    exclude: str = ""

    def includes(self, layer: str) -> bool:
        """Whether a pattern of `include` matches the layer's name."""
        return _matches(layer, self.include)

    def excludes(self, layer: str) -> bool:
        """Whether a pattern of `exclude` matches the layer's name."""
        return _matches(layer, self.exclude)

    def check_used(self, layers: Iterable[str]) -> None:
        """Refuse a pattern that matches none of these layers.

        Raises
        ------
        AtlasError
        """
        layers = list(layers)
        for column, patterns in (("include", self.include), ("exclude", self.exclude)):
            for pattern in patterns.split():
                if not any(fnmatchcase(layer, pattern) for layer in layers):
                    raise AtlasError(
                        f"{column} {pattern!r} matches no candidate weight "
                        f"(candidates: {shorten(layers) or 'none'})"
                    )


def under_prefix(tensors: Tensors, prefix: str, file_name: str) -> Tensors:
    """The tensors under a prefix of their names, without it.

    The prefix ends at a dot or slash; if none does, at an underscore.

    Raises
    ------
    AtlasError
        If there are none. The message lists what there is.
    """
    if not prefix:
        return tensors
    for ends in (r"[./]", "_"):
        pattern = re.compile(re.escape(prefix.rstrip("./_")) + ends)
        for short in (str, without_wrappers):
            names = {
                short(name)[found.end() :]: name
                for name in tensors.entries
                if (found := pattern.match(short(name)))
            }
            if names:
                return Part(tensors, names)
    roots = dict.fromkeys(re.split(r"[./]", name)[0] for name in tensors.entries)
    raise AtlasError(
        f"{file_name} has no weights under {prefix!r}; its names begin with "
        f"{shorten(roots)} (weights, a column of the sheet, an option of the command)"
    )


def shorten(names: Iterable[str]) -> str:
    """A list of names for a message, at most `MAX_SHOWN` of them."""
    names = list(names)
    more = f" and {len(names) - MAX_SHOWN} more" if len(names) > MAX_SHOWN else ""
    return one_line(", ".join(names[:MAX_SHOWN]) + more)


def _matches(layer: str, patterns: str) -> bool:
    return any(fnmatchcase(layer, pattern) for pattern in patterns.split())
