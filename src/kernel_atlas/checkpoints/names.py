"""What the names of weights say: whether it is a weight, and of what kind of layer."""

import re
from collections.abc import Iterable

from kernel_atlas.checkpoints.layer import layer_name

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
NORM_WORDS = re.compile(r"\w*norm\d*|bn\w*|ln\d*")
POSITION_WORDS = re.compile(r"pos|position\w*|[cl]?pe\d*|peg\d*|lepe")
WEIGHT_WORDS = re.compile(r"(.*weights?|.*kernel|w)")


def weight_names(names: Iterable[str]) -> list[str]:
    """The names that say that a tensor is a layer's weight; all, if none says so."""
    names = list(names)
    return [name for name in names if is_weight(name)] or names


def is_weight(name: str) -> bool:
    """Whether a tensor's name ends as torch's and Keras's weights do."""
    return bool(WEIGHT_WORDS.fullmatch(name.rpartition(".")[2].lower()))


def is_named_depthwise(name: str) -> bool:
    return has_word(re.sub("depth[_-]", "depth", name.lower()), DEPTHWISE_WORDS)


def is_named_stem(name: str) -> bool:
    components = layer_name(name).lower().split(".")
    while len(components) > 1 and ROOT_WORDS.fullmatch(components[0]):
        components.pop(0)
    return components[0] == "0" or has_word(components[0], STEM_WORDS)


def has_word(name: str, words: re.Pattern[str]) -> bool:
    """Whether one of a name's words (between dots, underscores and hyphens) is one of these."""
    return any(words.fullmatch(word) for word in re.split(r"[._-]", name.lower()))
