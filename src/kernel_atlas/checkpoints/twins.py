"""Copies of a whole network beside it in one file: averaged, momentum, teacher.

A copy's names are the network's, with a mark such as ``ema`` at the start or end of one of the
first components. Some codes write the rest without dots, or with underscores for dots.
"""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from kernel_atlas.checkpoints.layer import without_wrappers

# The rule: the lowest rank is read. Averaged before raw, teacher before student.
AVERAGED, TEACHER, RAW, STUDENT = range(4)
MARKS = {
    **dict.fromkeys(["ema", "averaged", "average", "avg", "swa", "shadow", "polyak"], AVERAGED),
    **dict.fromkeys(["momentum", "target"], AVERAGED),
    "teacher": TEACHER,
    **dict.fromkeys(["online", "raw"], RAW),
    "student": STUDENT,
}
# at either end of a component, perhaps numbered
_FIRST = re.compile(rf"(?P<mark>{'|'.join(MARKS)})(_?\d+)?(_(?P<rest>.+))?")
_LAST = re.compile(rf"(?P<rest>.+)_(?P<mark>{'|'.join(MARKS)})(_?\d+)?")
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
    root: tuple[str, ...]  # components up to the marked one, and with it
    rest: str  # the name without its mark, comparable between copies


def find_twins(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Twin]:
    """The weights that are not read because a copy of them is, or because it cannot be told.

    Parameters
    ----------
    shapes : mapping
        From the names of candidate weights to their shapes.
    """
    marked = {name: _find_mark(_components(name)) for name in shapes}
    copies = _pair_by_name(shapes, marked)
    # deep in a name, a mark may be a layer's own: there, most of the network must be paired
    paired = copies.keys() | copies.values()
    deep = {marked[name].root[:-1] for name in paired} - {()}
    if len(deep) > 1 or 2 * len(paired) < len(shapes):
        deep_names = {name for name in paired if len(marked[name].root) > 1}
        copies = {a: b for a, b in copies.items() if deep_names.isdisjoint((a, b))}
    copies |= _pair_by_structure(shapes, marked, copies)
    twins = {name: Twin(True, other) for name, other in copies.items()}
    teachers = {name for name, found in marked.items() if found.rank == TEACHER}
    if teachers - copies.keys() - set(copies.values()) and len(teachers) < len(shapes):
        for name, found in marked.items():
            if found.rank == TEACHER or found.mark in ("", "student"):
                twins[name] = Twin(False, "student" if name in teachers else "teacher")
    return twins


def _pair_by_name(
    shapes: Mapping[str, tuple[int, ...]], marked: Mapping[str, _Marked]
) -> dict[str, str]:
    """From weights to those that are read instead: their names differ in the mark alone."""
    groups: dict[tuple[str, tuple[int, ...]], list[str]] = defaultdict(list)
    for name, found in marked.items():
        groups[found.rest, shapes[name]].append(name)
    copies: dict[str, str] = {}
    for names in groups.values():
        best = min(names, key=lambda name: (marked[name].rank, name))
        rank = marked[best].rank
        # of several averages, the first
        others = [name for name in names if marked[name].rank > rank or rank < RAW]
        copies |= {name: best for name in others if name != best}
    return copies


def _pair_by_structure(
    shapes: Mapping[str, tuple[int, ...]], marked: Mapping[str, _Marked], known: Mapping[str, str]
) -> dict[str, str]:
    """The same where the networks' own names differ: ``backbone`` and ``momentum_encoder.0``.

    Under their roots, two or more weights, at least half of the larger network's, have the
    same names and shapes, and the two make up at least half of the checkpoint.
    """
    trees: dict[tuple[str, ...], dict[tuple[str, ...], str]] = defaultdict(dict)
    for name in shapes:
        components = _components(name)
        for n in range(min(_N_MARKED + 1, len(components))):
            trees[components[:n]][components[n:]] = name
    large = sorted((root for root in trees if 6 * len(trees[root]) >= len(shapes)), key=len)
    is_deep = len({found.root[:-1] for found in marked.values() if found.mark}) > 1
    copies: dict[str, str] = {}
    for root in large:
        tree = trees[root]
        found = marked[next(iter(tree.values()))]
        is_marked = found.rank in (AVERAGED, TEACHER) and root[: len(found.root)] == found.root
        if not is_marked or (is_deep and len(found.root) > 1):
            continue
        for other in large:
            rest = {
                tail: name
                for tail, name in trees[other].items()
                if marked[name].rank > found.rank and name not in known and name not in copies
            }
            same = [tail for tail in rest if shapes[rest[tail]] == shapes.get(tree.get(tail, ""))]
            is_most = 2 * len(same) >= max(len(rest), len(tree))
            if len(same) > 1 and is_most and 2 * (len(rest) + len(tree)) >= len(shapes):
                copies |= {rest[tail]: tree[tail] for tail in same}
    return copies


def _components(name: str) -> tuple[str, ...]:
    return tuple(without_wrappers(name).lower().split("."))


def _find_mark(components: tuple[str, ...]) -> _Marked:
    first = components[0]
    if pair := _MOMENTUM_PAIR.fullmatch(first):
        rank = AVERAGED if pair[2] == "k" else RAW
        return _Marked(rank, first, (first,), _rest([pair[1], *components[1:]]))
    for place, component in enumerate(components[:_N_MARKED]):
        if components[place + 1 :] == ("weight",):
            break  # a layer
        found = _FIRST.fullmatch(component) or _LAST.fullmatch(component)
        # the mark is not the whole name
        if found and (found["rest"] or place < len(components) - 1):
            rest = _rest([*components[:place], found["rest"] or "", *components[place + 1 :]])
            mark = found["mark"]
            return _Marked(MARKS[mark], mark, components[: place + 1], rest)
    return _Marked(RAW, "", (), _rest(components))


def _rest(components: Sequence[str]) -> str:
    """The letters and digits of a name, without a generic root."""
    parts = [part for part in components if part]
    if len(parts) > 1 and parts[0] in _GENERIC:
        parts = parts[1:]
    return "".join(re.findall("[a-z0-9]", "".join(parts)))
