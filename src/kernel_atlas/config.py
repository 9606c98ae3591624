"""Check the configuration before any job runs."""

import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from math import isfinite
from pathlib import Path
from typing import Any

from kernel_atlas.errors import AtlasError, one_line

# of keys that the user chooses
FORMS = {"experiments": "an arm's name has 1 to 60 letters, digits, _ or -"}
MAX_VALUES = 10_000  # of a whole configuration


def check_config(config: Mapping[str, Any], schema: Mapping[str, Any]) -> None:
    """Check a configuration against its JSON schema, and for what a schema cannot express.

    Raises
    ------
    AtlasError
        One line per fault, each naming the key by its dotted path.
    """
    _check_size(config)
    # YAML reads the key of `5: 0.2` as a number, which the schema's patterns cannot match
    config = _with_names_as_keys(config)
    errors = sorted(_strict_validator(schema).iter_errors(config), key=lambda e: list(e.path))
    faults = [fault for error in errors for fault in _describe(error)]
    if not faults:
        faults = list(_cross_check(config))
    if faults:
        raise AtlasError("\n".join(f"config: {fault}" for fault in faults))


def check_keys(path: str | Path) -> None:
    """Refuse a YAML file with a key twice in one place: the first one would go unseen.

    Raises
    ------
    AtlasError
        One line per fault, with the number of the line.
    """
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the quick one, where there is one
    nodes = [yaml.compose(Path(path).read_text(encoding="utf-8"), loader)]
    seen: set[int] = set()
    faults = []
    while nodes:
        node = nodes.pop()
        if id(node) in seen or not isinstance(node, yaml.CollectionNode):
            continue
        seen.add(id(node))  # an alias is the node that it names
        if isinstance(node, yaml.MappingNode):
            nodes += [value for _, value in node.value]
            keys = [key for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
            first: dict[str, yaml.ScalarNode] = {}
            for key in keys:
                if (earlier := first.setdefault(key.value, key)) is not key:
                    faults.append(
                        f"{path}, line {key.start_mark.line + 1}: {one_line(key.value)!r} is there "
                        f"already, in line {earlier.start_mark.line + 1}"
                    )
        else:
            nodes += node.value
    if faults:
        raise AtlasError("\n".join(faults))


def kernel_sizes(config: Mapping[str, Any]) -> list[int]:
    """All kernel sizes that are measured, in ascending order."""
    return sorted(codebook_sizes(config) + config["family"]["sizes"])


def codebook_sizes(config: Mapping[str, Any]) -> list[int]:
    """The kernel sizes with a codebook, in ascending order."""
    return sorted(config["autoencoder"]["sizes"] + config["kmeans"]["sizes"])


def _check_size(config: Mapping[str, Any]) -> None:
    """Refuse a configuration that YAML's aliases unfold to a huge size."""
    nodes: list[Any] = [config]
    count = 0
    while nodes:
        node = nodes.pop()
        children = node.values() if isinstance(node, Mapping) else node
        if isinstance(children, Iterable) and not isinstance(children, str | bytes):
            nodes += children
        count += 1
        if count + len(nodes) > MAX_VALUES:
            raise AtlasError(f"config: more than {MAX_VALUES:,} values; it is not a configuration")


def _with_names_as_keys(node: Any) -> Any:
    if not isinstance(node, Mapping):
        return node
    return {str(key): _with_names_as_keys(value) for key, value in node.items()}


def _strict_validator(schema: Mapping[str, Any]) -> Any:
    """A validator that does not take 5.0 for an integer, or NaN for a number within a range."""
    from jsonschema import Draft202012Validator, validators

    types = Draft202012Validator.TYPE_CHECKER.redefine(
        "integer", lambda _, value: type(value) is int
    ).redefine("number", lambda _, value: type(value) in (int, float) and isfinite(value))
    return validators.extend(Draft202012Validator, type_checker=types)(schema)


def _describe(error: Any) -> Iterable[str]:
    """A jsonschema error in plain words, one line per fault."""
    path = ".".join(map(str, error.absolute_path))
    if error.validator != "additionalProperties":
        yield one_line(f"{path or 'top level'}: {_explain(error)}")
        return
    known = [*error.schema.get("properties", {})]
    patterns = [*error.schema.get("patternProperties", {})]
    for key in error.instance:
        if key in known or any(re.search(pattern, key) for pattern in patterns):
            continue
        close = get_close_matches(str(key), known, n=1)
        names = ", ".join(known) or FORMS.get(path, "a kernel size, such as k5")
        hint = f"did you mean {close[0]!r}?" if close else f"known: {names}"
        yield f"{'.'.join(filter(None, [path, str(key)]))}: unknown key ({hint})"


def _explain(error: Any) -> str:
    if error.validator != "type":
        return error.message
    if isinstance(error.validator_value, list):
        return (
            f"{error.instance!r} is not text, a number or a list; with quotation marks it is text"
        )
    is_text = isinstance(error.instance, str) and error.validator_value in ("integer", "number")
    hint = " (for YAML, 2e-3 is text and 2.0e-3 a number)" if is_text else ""
    return f"{error.message}{hint}"


def _cross_check(config: Mapping[str, Any]) -> Iterable[str]:
    sizes = kernel_sizes(config)
    if not sizes:
        yield (
            "autoencoder.sizes, kmeans.sizes and family.sizes are all empty: there is nothing to do"
        )
    for size in sorted({size for size in sizes if sizes.count(size) > 1}):
        yield (
            f"{size} is in two of autoencoder.sizes, kmeans.sizes and family.sizes; a size belongs "
            "to one of them"
        )
    for size in sorted(set(sizes)):
        if f"k{size}" not in config["thresholds"]:
            yield f"thresholds.k{size}: missing, since size {size} is measured"
    for label, target in config["merge"].items():
        for name in {label, target} & {"other", "dead"}:
            yield f"merge.{label}: {name!r} is not a class that can be merged"
        if target in config["merge"]:
            yield f"merge.{label}: {target!r} is itself merged; name the class that it ends in"
    for key, path in config["labels"].items():
        if int(key[1:]) not in codebook_sizes(config):
            yield f"labels.{key}: size {key[1:]} is in neither autoencoder.sizes nor kmeans.sizes"
        if not Path(path).is_file():
            yield f"labels.{key}: no such file: {Path(path).absolute()}"
