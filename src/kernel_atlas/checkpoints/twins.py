"""Copies of a whole network beside it in one file: averaged, momentum, teacher.

A copy's names are the network's, with a mark such as ``ema`` at the start or end of one of the
first components. Some codes write the rest without dots, or with underscores for dots.
"""

import re
from collections import defaultdict
from collections.abc import Mapping
from typing import NamedTuple

# The rule: the lowest rank is read. Averaged before raw, teacher before student.
AVERAGED, TEACHER, RAW, STUDENT = range(4)
MARKS = {
    **dict.fromkeys(["ema", "averaged", "average", "avg", "swa", "shadow", "polyak"], AVERAGED),
    **dict.fromkeys(["momentum", "target"], AVERAGED),
    "teacher": TEACHER,
    **dict.fromkeys(["online", "raw"], RAW),
    "student": STUDENT,
}
# MoCo's names; single letters mark nothing elsewhere
_MOMENTUM_PAIR = re.compile(r"(encoder|backbone|network|net|model)_([qk])$")
_N_MARKED = 3  # components of a name in which a mark may stand
_GENERIC = ("model", "network", "net")  # root components that a copy may lack


class Twin(NamedTuple):
    """Why a weight of a copy is not read."""

    is_copy: bool  # False: a second network, not a copy
    other: str  # the name of the weight that is read instead, or the mark of the other network


class _Marked(NamedTuple):
    rank: int
    mark: str
    before: tuple[str, ...]  # components before the marked one
    rest: str  # the name without its mark, comparable between copies


def find_twins(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Twin]:
    """The weights that are not read because a copy of them is, or because it cannot be told.

    Parameters
    ----------
    shapes : mapping
        From the names of candidate weights to their shapes.
    """
    marked = {name: _find_mark(name) for name in shapes}
    groups: dict[tuple[str, tuple[int, ...]], list[str]] = defaultdict(list)
    for name, found in marked.items():
        groups[found.rest, shapes[name]].append(name)
    twins: dict[str, Twin] = {}
    paired: set[str] = set()
    for names in groups.values():
        best = min(names, key=lambda name: marked[name].rank)
        others = [name for name in names if marked[name].rank > marked[best].rank]
        twins.update({name: Twin(True, best) for name in others})
        if others:
            paired.update(names)
    # deep in a name, a mark may be a layer's own: all that is there must be paired
    deep = {found.before for name, found in marked.items() if name in paired and found.before}
    is_whole = paired.issuperset(shapes) and len(deep) == 1
    if deep and not is_whole:
        layers = {name for name in paired if marked[name].before}
        twins = {
            name: twin for name, twin in twins.items() if layers.isdisjoint((name, twin.other))
        }
    pupils = {name: found for name, found in marked.items() if found.rank in (TEACHER, STUDENT)}
    teachers = {name for name, found in pupils.items() if found.rank == TEACHER}
    if teachers and len(teachers) < len(pupils) and not paired.issuperset(teachers):
        for name in pupils:
            twins[name] = Twin(False, "student" if name in teachers else "teacher")
    return twins


def _find_mark(name: str) -> _Marked:
    components = name.lower().split(".")
    first = components[0]
    if pair := _MOMENTUM_PAIR.fullmatch(first):
        rank = AVERAGED if pair[2] == "k" else RAW
        return _Marked(rank, first, (), _rest([pair[1], *components[1:]]))
    for place, component in enumerate(components[:_N_MARKED]):
        tokens = component.split("_")
        for end in (0, -1):
            mark = tokens[end]
            # the mark is not the whole name
            if mark in MARKS and len(components) - place + len(tokens) > 2:
                del tokens[end]
                before = components[:place]
                rest = [*before, "_".join(tokens), *components[place + 1 :]]
                return _Marked(MARKS[mark], mark, tuple(before), _rest(rest))
    return _Marked(RAW, "", (), _rest(components))


def _rest(components: list[str]) -> str:
    """The letters and digits of a name, without a generic root."""
    parts = [part for part in components if part]
    if len(parts) > 1 and parts[0] in _GENERIC:
        parts = parts[1:]
    return "".join(re.findall("[a-z0-9]", "".join(parts)))
