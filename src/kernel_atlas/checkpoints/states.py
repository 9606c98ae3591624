"""Where in a checkpoint the weights are: training codes keep them under keys of their own."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from kernel_atlas.checkpoints.choice import shorten
from kernel_atlas.errors import AtlasError

# The first that holds weights is read: averaged before raw, teacher before student.
WEIGHT_KEYS = (
    *("state_dict_ema", "model_ema", "ema_state_dict", "model_ema_state_dict", "ema_model"),
    *("ema_model_state_dict", "ema", "params_ema", "ema_params", "net_ema", "generator_ema"),
    *("g_ema", "shadow", "swa_model", "swa_state_dict", "averaged_model", "teacher"),
    *("teacher_state_dict", "state_dict", "model_state_dict", "model_state", "model", "params"),
    *("net", "net_state_dict", "network", "network_state_dict", "module", "student"),
    "student_state_dict",
)
MAX_DEPTH = 8  # a dict may hold itself
MIN_DIMENSIONS = 2  # a loss or an accuracy beside the weights has fewer

State = Mapping[str, Any]


def choose_state(
    content: Any, weights: str, shape_of: Callable[[Any], tuple[int, ...] | None], file_name: str
) -> tuple[State, str, dict[str, State]]:
    """Find the state dict in what a file holds.

    Parameters
    ----------
    content : any
    weights : str
        A key path, which may end in a prefix of names; empty for the first of `WEIGHT_KEYS`.
    shape_of : function
        The shape of a tensor, None for anything else.
    file_name : str
        For messages.

    Returns
    -------
    state : mapping
        From name to tensor; other values may lie between them.
    prefix : str
        What is left of `weights` after its keys.
    others : dict
        Other copies of the weights, by their key paths.

    Raises
    ------
    AtlasError
        If there are no weights, or they are under other keys. The message lists the keys
        that hold tensors.
    """
    state, prefix = _descend(content, weights)
    others: dict[str, State] = {}
    path = ""
    for _ in range(MAX_DEPTH):
        if not isinstance(state, Mapping):
            break
        found = [
            key
            for key in WEIGHT_KEYS
            if isinstance(state.get(key), Mapping) and any(_tensors(state[key], shape_of))
        ]
        # a path that is left over is a prefix of the names at this level
        if not found or (prefix and _count_weights(state, shape_of)):
            n_weights = _count_weights(state, shape_of)
            is_chosen = weights and n_weights
            if is_chosen or n_weights > _count_below(state, shape_of):
                return state, prefix, others
            if _has_none_below(state, shape_of):
                return state, prefix, others
            break
        others |= {path + key: state[key] for key in found[1:]}
        state, path = state[found[0]], f"{path}{found[0]}."
    keys = list(_keys(content, shape_of)) if isinstance(content, Mapping) else []
    if weights and keys:
        raise AtlasError(
            f"{file_name} has no weights under {weights!r}; keys that hold tensors: {shorten(keys)}"
        )
    if keys:
        raise AtlasError(
            f"{file_name} has no weights at its top level or under a known key; keys that hold "
            f"tensors: {shorten(keys)}. Name one in weights (a column of the sheet, an option of "
            "the command)"
        )
    raise AtlasError(f"{file_name} has no weights; save the model's state_dict")


def _descend(content: Any, path: str) -> tuple[Any, str]:
    """Follow the keys that a path begins with; the rest of the path is returned too."""
    for _ in range(MAX_DEPTH):
        if not path or not isinstance(content, Mapping):
            break
        keys = [
            key
            for key, value in content.items()
            if isinstance(key, str)
            and isinstance(value, Mapping)
            and (path == key or path.startswith((f"{key}.", f"{key}/")))
        ]
        if not keys:
            break
        key = max(keys, key=len)
        content, path = content[key], path[len(key) + 1 :]
    return content, path


def _count_weights(state: State, shape_of: Callable[[Any], tuple[int, ...] | None]) -> int:
    """The number of tensors on a level that may be weights."""
    shapes = (shape_of(value) for value in state.values())
    return sum(shape is not None and len(shape) >= MIN_DIMENSIONS for shape in shapes)


def _count_below(
    state: State, shape_of: Callable[[Any], tuple[int, ...] | None], depth: int = 0
) -> int:
    """The largest such number of the levels below a level; an optimiser's are not named."""
    if depth == MAX_DEPTH:
        return 0
    levels = [v for k, v in state.items() if isinstance(k, str) and isinstance(v, Mapping)]
    counts = (
        max(_count_weights(level, shape_of), _count_below(level, shape_of, depth + 1))
        for level in levels
    )
    return max(counts, default=0)


def _has_none_below(state: State, shape_of: Callable[[Any], tuple[int, ...] | None]) -> bool:
    """Whether a level holds tensors, and no level below it does."""
    below = any(
        any(_tensors(value, shape_of)) for value in state.values() if isinstance(value, Mapping)
    )
    return not below and any(shape_of(value) is not None for value in state.values())


def _tensors(
    state: State, shape_of: Callable[[Any], tuple[int, ...] | None], depth: int = 0
) -> Iterator[bool]:
    """True for each tensor at a level or below it."""
    for value in state.values():
        if shape_of(value) is not None:
            yield True
        elif isinstance(value, Mapping) and depth < MAX_DEPTH:
            yield from _tensors(value, shape_of, depth + 1)


def _keys(
    content: State,
    shape_of: Callable[[Any], tuple[int, ...] | None],
    path: str = "",
    depth: int = 0,
) -> Iterator[str]:
    """The key paths of all levels that hold tensors."""
    for key, value in content.items():
        # an optimiser counts its tensors
        if isinstance(value, Mapping) and isinstance(key, str) and depth < MAX_DEPTH:
            if any(shape_of(inner) is not None for inner in value.values()):
                yield f"{path}{key}"
            yield from _keys(value, shape_of, f"{path}{key}.", depth + 1)
