"""Which weights of a checkpoint are depthwise kernels: the evidence, best first.

`RULES` is the table: each rule looks at one candidate and either decides or passes on. What the
values tell (fixed filters, equal layers) is decided in `contents`.
"""

import math
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from functools import cached_property
from typing import NamedTuple

from kernel_atlas.checkpoints.choice import Choice
from kernel_atlas.checkpoints.entry import Entry
from kernel_atlas.checkpoints.inventory import Candidate
from kernel_atlas.checkpoints.layer import layer_name, without_wrappers
from kernel_atlas.checkpoints.twins import Twin, find_twins

MAX_SIZE = 63  # above the largest published kernels of 51 x 51
INCLUDE = "to count it, name it in column include"

N_LOOKED_AT = 4  # entries after a weight, for its bias and norm

# reasons that later rules look at
INCLUDED = "included by the sheet"
BY_ARCHITECTURE = "depthwise in timm's architecture"
UNNAMED = f"a tensor that is not named as a weight; {INCLUDE}"
OUTPUT = f"perhaps a transposed convolution to one channel; {INCLUDE}"
INPUT = f"perhaps a regular convolution of one channel, the network's first; {INCLUDE}"

# Words of names, split at dots, underscores and hyphens.
DEPTHWISE_WORDS = re.compile(
    r"(dw\d*|dwise|dwc|dwconv\d*|convdw|depth(wise|conv|sep)\w*|lepe|spatial|cheap|mixer|lkb?)"
)
STEM_WORDS = re.compile(
    r"stem|conv0|conv1|first|input|inc|in|inconv|entry|patch|embed|embedding|init|intro"
)
OUTPUT_WORDS = re.compile(
    r"head|out|outc|outconv|output|final|last|tail|decoder|pred\w*|scores?|logits?|masks?|side\d*|"
    r"deconv\w*|transp\w*|tconv\w*|convt\w*|up\w*|recon\w*"
)
ROOT_WORDS = re.compile(r"model|backbone|net|network|encoder|features|body|trunk")
TABLE_WORDS = re.compile(r"bias|pos|position|embed|embedding|table|index|mask|anchor|grid")
WEIGHT_WORDS = re.compile(r"(.*weights?|.*kernel|w)")
# alternatives that are added up, and merged into one kernel for inference
PARALLEL = re.compile(
    r"(.*?)\b(lkb_origin|lk_origin|small_conv|dil_conv_k\w+|conv_kxk\.\d+|rbr_\w+|lora\d)\b",
    re.IGNORECASE,
)


class Verdict(NamedTuple):
    """What a rule decides."""

    counted: bool
    in_doubt: bool
    why: str


class Checkpoint:
    """What the rules look at: all entries of a checkpoint, and what is known of them.

    Parameters
    ----------
    entries : mapping
        From name to `Entry`, in order.
    choice : Choice
    architecture : mapping
        From the names of an architecture's depthwise layers to (kernels, kernel size).
    is_ordered : bool
        Whether the entries are in the network's order.
    """

    def __init__(
        self,
        entries: Mapping[str, Entry],
        choice: Choice,
        architecture: Mapping[str, tuple[int, int]],
        is_ordered: bool,
    ) -> None:
        self.entries = entries
        self.is_ordered = is_ordered
        self.choice = choice
        self.architecture = architecture

    @cached_property
    def regular(self) -> dict[str, Entry]:
        """Weights with several input channels: regular convolutions and linear layers."""
        return {name: entry for name, entry in self.entries.items() if _is_regular(entry.shape)}

    @cached_property
    def layers(self) -> list[str]:
        """The names of the weights of convolutions and linear layers, in order."""
        return [name for name in self.weights if len(self.entries[name].shape) in (2, 4)]

    @cached_property
    def weights(self) -> dict[str, None]:
        """The entries that are named as weights, in order."""
        return dict.fromkeys(weight_names(self.entries))

    @cached_property
    def _places(self) -> tuple[list[str], dict[str, int]]:
        names = list(self.entries)
        return names, {name: place for place, name in enumerate(names)}

    @cached_property
    def colour_inputs(self) -> dict[str, Entry]:
        """Convolutions with three input channels: an image's."""
        return {
            name: entry
            for name, entry in self.regular.items()
            if len(entry.shape) == 4 and entry.shape[1] == 3 and entry.shape[0] > 3
        }

    @cached_property
    def inputs(self) -> list[str]:
        """Regular convolutions with input channels that no layer makes."""
        made = {entry.shape[0] for entry in self.entries.values() if len(entry.shape) in (2, 4)}
        return [n for n, e in self.regular.items() if len(e.shape) == 4 and e.shape[1] not in made]

    @cached_property
    def twins(self) -> dict[str, Twin]:
        """Weights of copies of the network."""
        return find_twins(
            {name: e.shape for name, e in self.entries.items() if form_of(name, e) == "square"}
        )

    @cached_property
    def stems(self) -> set[str]:
        """What may be the first convolution of a network for images with one channel."""
        squares = [name for name, e in self.entries.items() if form_of(name, e) == "square"]
        if self.colour_inputs:
            # a second image beside the colours, of depth or heat: a layer of the same name
            shapes = {_below_root(name): e.shape for name, e in self.colour_inputs.items()}
            shapes.pop("", None)
            return {n for n in squares if _is_alike(shapes.get(_below_root(n)), self.entries[n])}
        if not self.regular or any(map(_is_named_stem, self.inputs)):
            return set()
        candidates = [name for name in squares if not _is_named_depthwise(name)]
        likely = {name for name in candidates if _is_named_stem(name)}
        if self.is_ordered or not likely:
            likely |= {self.layers[0]}.intersection(candidates)
        return likely or (set() if self.inputs else set(candidates))

    def n_outputs(self, name: str) -> int | None:
        """The output channels of a layer by its bias or the norm behind it, if there is one."""
        bias = self.entries.get(f"{name.removesuffix('weight')}bias")
        if bias is not None and len(bias.shape) == 1:
            return bias.shape[0]
        n = self.entries[name].shape[0]
        parent, _, last = name.removesuffix(".weight").rpartition(".")
        names, places = self._places
        for after in names[places[name] + 1 : places[name] + 1 + N_LOOKED_AT]:
            shape = self.entries[after].shape
            is_behind = self.is_ordered or (last.isdigit() and after.startswith(f"{parent}."))
            # one number may be an activation's: it says nothing
            if shape == (n,) and is_behind:
                return n
            if len(shape) > 1:
                break
        if self.is_ordered or not parent or last.isdigit():
            return None
        norms = (f"{parent}.{norm}.weight" for norm in ("bn", "norm", "bn1", "bn2"))
        return n if any(e.shape == (n,) for e in map(self.entries.get, norms) if e) else None


Rule = Callable[[str, Entry, Checkpoint], Verdict | None]


def _by_exclusion(name: str, entry: Entry, found: Checkpoint) -> Verdict | None:
    if found.choice.excludes(layer_name(name)):
        return Verdict(False, False, "excluded by the sheet")
    return None


def _by_parametrisation(name: str, entry: Entry, found: Checkpoint) -> Verdict | None:
    if entry.kind == "unreadable":
        return Verdict(False, True, entry.evidence)
    return None


def _by_form(name: str, entry: Entry, found: Checkpoint) -> Verdict | None:
    form = form_of(name, entry)
    if form == "square":
        return None
    if form == "layout":
        return Verdict(
            False,
            True,
            "perhaps depthwise in another layout (height, width, channels, 1); "
            "transpose it to (channels, 1, height, width)",
        )
    kernel = "x".join(map(str, entry.shape[2:]))
    return Verdict(
        False, True, f"{entry.shape[0]:,} kernels of {kernel}: only square kernels are classified"
    )


def _by_dtype(name: str, entry: Entry, found: Checkpoint) -> Verdict | None:
    if entry.is_float:
        return None
    is_doubt = entry.dtype != "bool"
    return Verdict(False, is_doubt, f"{entry.dtype} weights; only floating point is read")


def _by_inclusion(name: str, entry: Entry, found: Checkpoint) -> Verdict | None:
    if found.choice.includes(layer_name(name)):
        return Verdict(True, False, INCLUDED)
    return None


def _by_architecture(name: str, entry: Entry, found: Checkpoint) -> Verdict | None:
    known = found.architecture.get(layer_name(name))
    if known == (entry.shape[0], entry.shape[-1]):
        return Verdict(True, False, BY_ARCHITECTURE)
    return None


def _by_kind(name: str, entry: Entry, found: Checkpoint) -> Verdict | None:
    if entry.kind in ("regular", "transposed"):
        return Verdict(False, False, f"not depthwise: {entry.evidence}")
    return None


def _by_twin(name: str, entry: Entry, found: Checkpoint) -> Verdict | None:
    twin = found.twins.get(name)
    if twin is None:
        return None
    if twin.is_copy:
        other = layer_name(twin.other)
        return Verdict(False, True, f"a copy of {other}, which is read; column weights chooses")
    return Verdict(
        False,
        True,
        f"one of two networks in the file, beside the {twin.other}; choose one in column weights",
    )


def _by_file(name: str, entry: Entry, found: Checkpoint) -> Verdict | None:
    return Verdict(True, False, entry.evidence) if entry.kind == "depthwise" else None


def _by_name(name: str, entry: Entry, found: Checkpoint) -> Verdict | None:
    if name in found.weights or _is_named_depthwise(name):
        return None
    last = name.rpartition(".")[2]
    if _has_word(last, TABLE_WORDS):
        return Verdict(False, False, "a table or mask, by its name")
    return Verdict(False, True, UNNAMED)


def _by_size(name: str, entry: Entry, found: Checkpoint) -> Verdict | None:
    if entry.shape[-1] > MAX_SIZE:
        return Verdict(False, True, f"larger than any convolution's kernel; {INCLUDE}")
    return None


def _by_output(name: str, entry: Entry, found: Checkpoint) -> Verdict | None:
    """A transposed convolution to one channel: at the network's end, with one output."""
    n_outputs = found.n_outputs(name)
    if n_outputs == 1:
        return Verdict(False, False, "a transposed convolution to one channel, by its bias")
    if n_outputs == entry.shape[0] or _is_named_depthwise(name) or not found.regular:
        return None
    is_last = name == found.layers[-1] and not _is_named_stem(name)
    if is_last or _has_word(layer_name(name), OUTPUT_WORDS):
        return Verdict(False, True, OUTPUT)
    return None


def _by_input(name: str, entry: Entry, found: Checkpoint) -> Verdict | None:
    """The first convolution of a network for images with one channel."""
    return Verdict(False, True, INPUT) if name in found.stems else None


def _by_shape(name: str, entry: Entry, found: Checkpoint) -> Verdict | None:
    return Verdict(True, False, "depthwise by its shape and name")


# In this order; the first that decides.
RULES: tuple[Rule, ...] = (
    _by_exclusion,
    _by_parametrisation,
    _by_form,
    _by_dtype,
    _by_inclusion,
    _by_architecture,
    _by_kind,
    _by_twin,
    _by_file,
    _by_name,
    _by_size,
    _by_output,
    _by_input,
    _by_shape,
)


def judge(checkpoint: Checkpoint) -> dict[str, Candidate]:
    """Every candidate weight of a checkpoint with its verdict, by its full name."""
    verdicts: dict[str, Verdict] = {}
    for name, entry in checkpoint.entries.items():
        if form_of(name, entry):
            decided = (rule(name, entry, checkpoint) for rule in RULES)
            verdicts[name] = next(verdict for verdict in decided if verdict)
    for name in _parallel([name for name, verdict in verdicts.items() if verdict.counted]):
        why = "one of the parallel branches of a re-parameterised block, not merged"
        verdicts[name] = Verdict(True, True, why)
    return {
        name: Candidate(layer_name(name), checkpoint.entries[name].shape, *verdict)
        for name, verdict in verdicts.items()
    }


def form_of(name: str, entry: Entry) -> str:
    """What kernels of this shape are: ``square``, ``oblong``, ``1-D``, ``3-D``, or in another
    ``layout``; empty for what cannot be depthwise.
    """
    shape = entry.shape
    if len(shape) == 4 and shape[0] > 1 and shape[1] == 1 and max(shape[2:]) > 1:
        return "square" if shape[2] == shape[3] else "oblong"
    if not is_weight(name):
        return ""
    if len(shape) in (3, 5) and shape[0] > 1 and shape[1] == 1 and max(shape[2:]) > 1:
        return "1-D" if len(shape) == 3 else "3-D"
    if len(shape) == 4 and shape[0] == shape[1] > 1 and shape[2] > 1 and shape[3] == 1:
        return "layout" if shape[0] <= MAX_SIZE and shape[2] > shape[0] else ""
    return ""


def weight_names(names: Iterable[str]) -> list[str]:
    """The names that say that a tensor is a layer's weight; all, if none says so."""
    names = list(names)
    return [name for name in names if is_weight(name)] or names


def is_weight(name: str) -> bool:
    """Whether a tensor's name ends as torch's and Keras's weights do."""
    return bool(WEIGHT_WORDS.fullmatch(name.rpartition(".")[2].lower()))


def _is_regular(shape: tuple[int, ...]) -> bool:
    return len(shape) in (2, 4) and shape[0] > 0 and shape[1] > 1 and math.prod(shape) > 0


def _is_named_depthwise(name: str) -> bool:
    return _has_word(re.sub("depth[_-]", "depth", name.lower()), DEPTHWISE_WORDS)


def _is_named_stem(name: str) -> bool:
    components = layer_name(name).lower().split(".")
    while len(components) > 1 and ROOT_WORDS.fullmatch(components[0]):
        components.pop(0)
    return components[0] == "0" or _has_word(components[0], STEM_WORDS)


def _below_root(name: str) -> str:
    """A name without its first component; empty if it has no other."""
    return without_wrappers(name).partition(".")[2].removesuffix("weight")


def _is_alike(shape: tuple[int, ...] | None, entry: Entry) -> bool:
    """Whether shapes differ in the input channels alone."""
    return shape is not None and (shape[0], *shape[2:]) == (entry.shape[0], *entry.shape[2:])


def _has_word(name: str, words: re.Pattern[str]) -> bool:
    """Whether one of a name's words (between dots, underscores and hyphens) is one of these."""
    return any(words.fullmatch(word) for word in re.split(r"[._-]", name.lower()))


def _parallel(names: Collection[str]) -> list[str]:
    """The names of parallel branches: at least two of one block."""
    blocks: dict[str, list[str]] = {}
    for name in names:
        if found := PARALLEL.match(name):
            blocks.setdefault(found[1], []).append(name)
    return [name for branches in blocks.values() if len(branches) > 1 for name in branches]
