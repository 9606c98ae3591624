"""Write docs/reference/ from the files that the workflow itself is checked with.

settings.md: workflow/schemas/config.schema.yaml, with the defaults of config.yaml
tables.md: workflow/schemas/tables.yaml
"""

import re
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

import yaml

REPOSITORY = Path(__file__).parents[1]


def read(path: str) -> Any:
    return yaml.safe_load((REPOSITORY / path).read_text(encoding="utf-8"))


def make_settings() -> str:
    """The page of settings."""
    lines = [
        "# Settings",
        "",
        "Every key of `config.yaml`, made from `workflow/schemas/config.schema.yaml` by "
        "`make references`. [Configuration](../configuration.md) says how to change one, and what "
        "then runs again.",
        "",
    ]
    settings = read("workflow/schemas/config.schema.yaml")
    return "\n".join([*lines, *_items(settings["properties"], read("config.yaml"))]) + "\n"


def make_tables() -> str:
    """The page of tables."""
    lines = [
        "# Tables",
        "",
        "Every table under `results/`, made from `workflow/schemas/tables.yaml` by `make "
        "references`. [Results](../results.md) says how to read them. The tables are "
        "tab-separated UTF-8 text; the class tables are Parquet. An empty cell means that there is "
        "no value. A column without a unit is text, or a percentage if its name says so. The "
        "first list has what other lists leave out.",
    ]
    for name, table in read("workflow/schemas/tables.yaml").items():
        title = name[0].upper() + name[1:] if " " in name else f"`{name}`"
        lines += ["", f"## {title}", ""]
        if "rows" in table:
            lines += [table["rows"], ""]
        for text, names in groupby(table["columns"], table["columns"].get):
            unit, meaning = text.split(" | ") if text else ("text", "")
            lines.append(
                "- "
                + ", ".join(f"`{name}`" for name in names)
                + f" ({unit})" * (unit not in ("text", "percent"))
                + f": {meaning}" * bool(meaning)
            )
    return "\n".join(lines) + "\n"


def _items(properties: dict, defaults: dict, prefix: str = "") -> Iterator[str]:
    """A list item per setting, then a section for each setting that holds others."""
    for key, setting in properties.items():
        if "properties" not in setting:
            default = yaml.safe_dump(defaults[key], default_flow_style=True).splitlines()[0]
            yield (
                f"- `{prefix}{key}` ({_values(setting)}; default `{default}`): "
                f"{setting['description']}"
            )
    for key, setting in properties.items():
        if "properties" in setting:
            yield from ("", f"## {key}", "", setting["description"], "")
            yield from _items(setting["properties"], defaults[key], f"{key}.")
        for each in setting.get("patternProperties", {}).values():
            if "properties" in each:
                yield from ("", f"## {key}", "", each["description"], "")
                yield from _keys(each["properties"])


def _keys(properties: dict, prefix: str = "") -> Iterator[str]:
    """A list item per key of each entry, whose default stands in the schema."""
    for key, setting in properties.items():
        if "properties" in setting:
            yield from _keys(setting["properties"], f"{prefix}{key}.")
            continue
        default = "required"
        if "default" in setting:
            value = yaml.safe_dump(setting["default"], default_flow_style=True).splitlines()[0]
            default = f"default `{value}`"
        yield f"- `{prefix}{key}` ({_values(setting)}; {default}): {setting['description']}"


def _values(setting: dict) -> str:
    """The values that a setting takes, in words."""
    if "enum" in setting:
        return " or ".join(f"`{value}`" for value in setting["enum"])
    if "$ref" in setting:
        return "any value"
    match setting["type"]:
        case "array":
            items = _values(setting["items"])
            return "list of " + re.sub("^(integer|number)", r"\g<0>s", items)
        case "object":
            if "patternProperties" not in setting:
                return f"mapping of text to {_values(setting['additionalProperties'])}"
            (values,) = setting["patternProperties"].values()
            if "properties" in values:
                return "mapping of names to the keys below"
            return f"mapping of `k<size>` to {_values(values)}"
        case "boolean":
            return "`true` or `false`"
        case "string":
            return "text"
    words = {"minimum": "from", "exclusiveMinimum": "above", "maximum": "up to"}
    limits = [f"{word} {setting[key]:,}" for key, word in words.items() if key in setting]
    return " ".join([setting["type"], *limits])


def main() -> None:
    for name, text in (("settings", make_settings()), ("tables", make_tables())):
        path = REPOSITORY / "docs/reference" / f"{name}.md"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
