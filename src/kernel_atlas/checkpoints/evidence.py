"""Which weights of a checkpoint are depthwise kernels: the evidence, best first.

`RULES` is the table: each rule looks at one candidate and either decides or passes on. What the
values tell (fixed filters, equal layers) is decided in `contents`.
"""

import re
from collections.abc import Callable, Collection
from typing import NamedTuple

from kernel_atlas.checkpoints.entry import Entry
from kernel_atlas.checkpoints.facts import MAX_SIZE, Facts, form_of
from kernel_atlas.checkpoints.inventory import Candidate
from kernel_atlas.checkpoints.layer import layer_name
from kernel_atlas.checkpoints.names import (
    OUTPUT_WORDS,
    TABLE_WORDS,
    has_word,
    is_named_depthwise,
    is_named_stem,
)

INCLUDE = "to count it, name it in include"

# reasons that later rules look at
INCLUDED = "named in include"
BY_ARCHITECTURE = "depthwise in timm's architecture"
UNNAMED = f"a tensor that is not named as a weight; {INCLUDE}"
OUTPUT = f"perhaps a transposed convolution to one channel; {INCLUDE}"
INPUT = f"perhaps a regular convolution of one channel, the network's first; {INCLUDE}"

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


Rule = Callable[[str, Entry, Facts], Verdict | None]


def _by_exclusion(name: str, entry: Entry, facts: Facts) -> Verdict | None:
    if facts.choice.excludes(layer_name(name)):
        return Verdict(False, False, "named in exclude")
    return None


def _by_parametrisation(name: str, entry: Entry, facts: Facts) -> Verdict | None:
    if entry.kind == "unreadable":
        return Verdict(False, True, entry.evidence)
    return None


def _by_form(name: str, entry: Entry, facts: Facts) -> Verdict | None:
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


def _by_dtype(name: str, entry: Entry, facts: Facts) -> Verdict | None:
    if entry.is_float:
        return None
    is_doubt = entry.dtype != "bool"
    return Verdict(False, is_doubt, f"{entry.dtype} weights; only floating point is read")


def _by_inclusion(name: str, entry: Entry, facts: Facts) -> Verdict | None:
    if facts.choice.includes(layer_name(name)):
        return Verdict(True, False, INCLUDED)
    return None


def _by_architecture(name: str, entry: Entry, facts: Facts) -> Verdict | None:
    known = facts.architecture.get(layer_name(name))
    if known == (entry.shape[0], entry.shape[-1]):
        return Verdict(True, False, BY_ARCHITECTURE)
    return None


def _by_kind(name: str, entry: Entry, facts: Facts) -> Verdict | None:
    if entry.kind in ("regular", "transposed"):
        return Verdict(False, False, f"not depthwise: {entry.evidence}")
    return None


def _by_twin(name: str, entry: Entry, facts: Facts) -> Verdict | None:
    twin = facts.twins.get(name)
    if twin is None:
        return None
    if twin.is_copy:
        other = layer_name(twin.other)
        return Verdict(False, True, f"a copy of {other}, which is read; weights chooses")
    return Verdict(
        False,
        True,
        f"one of two networks in the file, beside the {twin.other}; choose one in weights",
    )


def _by_file(name: str, entry: Entry, facts: Facts) -> Verdict | None:
    return Verdict(True, False, entry.evidence) if entry.kind == "depthwise" else None


def _by_name(name: str, entry: Entry, facts: Facts) -> Verdict | None:
    if name in facts.weights or is_named_depthwise(name):
        return None
    last = name.rpartition(".")[2]
    if has_word(last, TABLE_WORDS):
        return Verdict(False, False, "a table or mask, by its name")
    return Verdict(False, True, UNNAMED)


def _by_size(name: str, entry: Entry, facts: Facts) -> Verdict | None:
    if entry.shape[-1] > MAX_SIZE:
        return Verdict(False, True, f"larger than any convolution's kernel; {INCLUDE}")
    return None


def _by_output(name: str, entry: Entry, facts: Facts) -> Verdict | None:
    """A transposed convolution to one channel: at the network's end, with one output."""
    n_outputs = facts.n_outputs(name)
    if n_outputs == 1:
        return Verdict(False, False, "a transposed convolution to one channel, by its bias")
    if n_outputs == entry.shape[0] or is_named_depthwise(name) or not facts.regular:
        return None
    is_last = name == facts.layers[-1] and not is_named_stem(name)
    if is_last or has_word(layer_name(name), OUTPUT_WORDS):
        return Verdict(False, True, OUTPUT)
    return None


def _by_input(name: str, entry: Entry, facts: Facts) -> Verdict | None:
    """The first convolution of a network for images with one channel."""
    return Verdict(False, True, INPUT) if name in facts.stems else None


def _by_shape(name: str, entry: Entry, facts: Facts) -> Verdict | None:
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


def judge(facts: Facts) -> dict[str, Candidate]:
    """Every candidate weight of a checkpoint with its verdict, by its full name."""
    verdicts: dict[str, Verdict] = {}
    for name, entry in facts.entries.items():
        if form_of(name, entry):
            decided = (rule(name, entry, facts) for rule in RULES)
            verdicts[name] = next(verdict for verdict in decided if verdict)
    for name in _parallel([name for name, verdict in verdicts.items() if verdict.counted]):
        why = "one of the parallel branches of a re-parameterised block, not merged"
        verdicts[name] = Verdict(True, True, why)
    return {
        name: Candidate(layer_name(name), facts.entries[name].shape, *verdict)
        for name, verdict in verdicts.items()
    }


def _parallel(names: Collection[str]) -> list[str]:
    """The names of parallel branches: at least two of one block."""
    blocks: dict[str, list[str]] = {}
    for name in names:
        if found := PARALLEL.match(name):
            blocks.setdefault(found[1], []).append(name)
    return [name for branches in blocks.values() if len(branches) > 1 for name in branches]
