"""The normalisation behind each depthwise layer: the tensor of its gains, or why none is known.

The best evidence decides: what the file says (an ONNX node, a module), timm's architecture, then
names. A checkpoint's names tell what lies in one block, and the order of a state dict what was
registered after what, but not what a function does in between. So names decide only where no other
reading is likely, and the reason stands in the store.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping
from typing import NamedTuple

from kernel_atlas.checkpoints.entry import Entry, Tensors
from kernel_atlas.checkpoints.layer import MAX_NAME, without_wrappers
from kernel_atlas.checkpoints.names import NORM_WORDS, POSITION_WORDS, has_word
from kernel_atlas.sources.norms import BIAS, Norm

FLOATS = ("float16", "bfloat16", "float32", "float64")
NOTHING = "no normalisation of its channels beside it in the checkpoint"

# For files without an order: layer, norm, another layer that shows the block, one that it lacks.
KNOWN_BLOCKS = (
    ("conv_dw", "bn2", "conv_pwl", ""),  # timm's inverted residual
    ("conv_dw", "bn1", "conv_pw", "conv_pwl"),  # timm's depthwise separable convolution
    ("conv_dw", "norm", "mlp", ""),  # timm's ConvNeXt
    ("dwconv", "norm", "pwconv1", ""),  # ConvNeXt
    ("_depthwise_conv", "_bn1", "_project_conv", ""),  # EfficientNet-PyTorch
)
# Blocks of a convolution and its norm alone.
PAIRS = {("conv", "bn"), ("conv", "norm"), ("c", "bn")}


class _Place(NamedTuple):
    """A layer in its block: the children of one parent."""

    parent: str
    own: str  # the layer's name there
    n: int  # channels; of a mixed convolution, of all splits
    start: int
    has_bias: bool


def find_norms(
    tensors: Tensors, names: Collection[str], architecture: Mapping[str, Norm]
) -> dict[str, Norm]:
    """The normalisations behind the layers of these weights, or why none is known.

    Parameters
    ----------
    tensors : Tensors
    names : collection of str
        Of weights of depthwise layers.
    architecture : mapping
        From an architecture's names of depthwise layers to what it says.
    """
    entries = tensors.entries
    block = _Blocks(entries, tensors.is_ordered)
    found = {}
    for name in names:
        norm = entries[name].norm or architecture.get(_layer_of(name)) or Norm()
        found[name] = block.check(norm, entries[name]) if norm.why else block.find(name)
    return found


class _Blocks:
    """The tensors of a checkpoint by block.

    Parameters
    ----------
    entries : mapping
        From name to `Entry`, in order.
    is_ordered : bool
        Whether that is the network's order.
    """

    def __init__(self, entries: Mapping[str, Entry], is_ordered: bool) -> None:
        self._is_ordered = is_ordered
        # longer ones are no layer's, and would take long to take apart
        self._names = {without_wrappers(name): name for name in entries if len(name) <= MAX_NAME}
        self._entries = {short: entries[name] for short, name in self._names.items()}
        self._children: dict[str, dict[str, None]] = defaultdict(dict)
        for name in self._names:
            parent, _, own = name.rpartition(".")
            while own:  # the last is a tensor, the others are its layer and what holds it
                self._children[parent][own] = None
                parent, _, own = parent.rpartition(".")
        self._norms: dict[tuple[str, int], list[str]] = {}

    def find(self, name: str) -> Norm:
        """The normalisation behind the layer of a weight, by names and order."""
        layer = _layer_of(name)
        place = self._place(layer)
        key = place.parent, place.n
        if key not in self._norms:
            children = self._children[place.parent]
            self._norms[key] = [x for x in children if self._has_gains(place, x)]
        norms = self._norms[key]
        if f"{layer}.weight" not in self._names or not norms:
            return Norm(why=NOTHING)
        if has_word(place.own, POSITION_WORDS):
            return Norm(why="by its name a position code, which is added to the layer's input")
        chosen, why = self._choose(place, norms)
        if not chosen:
            return Norm(why=why)
        is_batch_norm = f"{_join(place.parent, chosen)}.running_var" in self._names
        if is_batch_norm and place.has_bias and not chosen.isdigit():
            return Norm(why=BIAS)
        return Norm(self._names[f"{_join(place.parent, chosen)}.weight"], why, place.start)

    def check(self, norm: Norm, weight: Entry) -> Norm:
        """A normalisation that is known otherwise, if the checkpoint holds its gains."""
        if not norm.gain:
            return norm
        short = without_wrappers(norm.gain)
        entry = self._entries.get(short)
        n = norm.start + weight.shape[0]
        if entry is None or len(entry.shape) != 1 or entry.shape[0] < n or not _is_plain(entry):
            return Norm(why=f"the checkpoint lacks the gains of {_layer_of(short)}")
        return norm._replace(gain=self._names[short])

    def _place(self, layer: str) -> _Place:
        parent, _, own = layer.rpartition(".")
        n = self._shape(f"{layer}.weight")[0] if f"{layer}.weight" in self._names else 0
        has_bias = f"{layer}.bias" in self._names
        counts = self._count_splits(parent) if own.isdigit() else []
        if len(counts) > 1:
            above, _, name = parent.rpartition(".")
            return _Place(above, name, sum(counts), sum(counts[: int(own)]), has_bias)
        return _Place(parent, own, n, 0, has_bias)

    def _count_splits(self, parent: str) -> list[int]:
        """The channels of the splits of a mixed convolution (`layer.join_splits`), else none."""
        counts: list[int] = []
        for number, child in enumerate(self._children[parent]):
            shape = self._shape(f"{parent}.{number}.weight")
            if not child.isdigit() or len(shape) != 4 or shape[-1] != 3 + 2 * number:
                return []
            counts.append(shape[0])
        return counts

    def _has_gains(self, place: _Place, child: str) -> bool:
        """Whether a layer is a normalisation with a gain per channel, by its tensors and name."""
        layer = _join(place.parent, child)
        entry = self._entries.get(f"{layer}.weight")
        if entry is None or entry.shape != (place.n,) or not _is_plain(entry):
            return False
        others = (f"{layer}.bias", f"{layer}.running_var")
        return has_word(child, NORM_WORDS) or any(self._shape(x) == (place.n,) for x in others)

    def _choose(self, place: _Place, norms: list[str]) -> tuple[str, str]:
        """Which of these normalisations follows the layer, and how that is known."""
        children = list(self._children[place.parent])
        if place.own.isdigit():
            following = str(int(place.own) + 1)
            if following in norms:
                return following, "the next number of a sequence"
            return "", "the next number of its sequence is no normalisation"
        if self._is_ordered:
            rest = children[children.index(place.own) + 1 :]
            if rest and rest[0] in norms:
                return rest[0], "the next layer of its block in the order of the state dict"
            return "", "the next layer of its block is no normalisation"
        for layer, norm, beside, lacks in KNOWN_BLOCKS:
            is_known = layer == place.own and norm in norms and beside in children
            if is_known and lacks not in children:
                return norm, f"by the names of its block ({layer}, {norm}, {beside})"
        if len(children) == 2 and (place.own, norms[0]) in PAIRS:
            return norms[0], f"by the names of its block ({place.own}, {norms[0]})"
        return "", "the names of its block do not tell what follows it"

    def _shape(self, name: str) -> tuple[int, ...]:
        entry = self._entries.get(name)
        return entry.shape if entry else ()


def _is_plain(entry: Entry) -> bool:
    """Whether the numbers of a tensor are stored as such."""
    return entry.dtype in FLOATS and entry.kind != "unreadable"


def _layer_of(name: str) -> str:
    return without_wrappers(name).removesuffix(".weight")


def _join(parent: str, child: str) -> str:
    return f"{parent}.{child}" if parent else child
