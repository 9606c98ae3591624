"""The configuration: config.yaml and its schema agree, and each fault is one clear line."""

import copy
import re

import pytest
import yaml

from kernel_atlas.config import check_config, check_keys, codebook_sizes, kernel_sizes
from kernel_atlas.errors import AtlasError


@pytest.fixture(scope="module")
def schema(repository):
    return yaml.safe_load((repository / "workflow/schemas/config.schema.yaml").read_text())


@pytest.fixture(scope="module")
def defaults(repository):
    return yaml.safe_load((repository / "config.yaml").read_text())


@pytest.fixture
def config(defaults):
    return copy.deepcopy(defaults)


def properties(node, path=""):
    """Every key that a schema describes, by its dotted path."""
    for name, child in (node.get("properties", {}) | node.get("patternProperties", {})).items():
        yield f"{path}{name}", child
        yield from properties(child, f"{path}{name}.")


def keys(node, schema, path=""):
    """Every key of a configuration, but those that a pattern of the schema stands for."""
    if not isinstance(node, dict) or "patternProperties" in schema:
        return
    for name, child in node.items():
        yield f"{path}{name}"
        yield from keys(child, schema.get("properties", {}).get(name, {}), f"{path}{name}.")


def faults_of(config, schema):
    with pytest.raises(AtlasError) as caught:
        check_config(config, schema)
    return str(caught.value).splitlines()


def test_config_and_schema_name_the_same_keys(defaults, schema):
    described = {path for path, _ in properties(schema) if "^" not in path}
    assert set(keys(defaults, schema)) == described


def test_every_key_has_a_description(schema):
    assert [
        path for path, node in properties(schema) if len(node.get("description", "")) < 10
    ] == []


def test_every_object_refuses_unknown_keys_and_requires_the_known(schema):
    """Or states their default. A mapping without known keys says by a pattern which it takes."""
    objects = {path: node for path, node in properties(schema) if node.get("type") == "object"}
    for path, node in {"top": schema, **objects}.items():
        has_patterns = {"propertyNames", "additionalProperties"} <= set(node)
        if "properties" in node or not has_patterns:
            assert node["additionalProperties"] is False, path
        else:
            names, values = node["propertyNames"], node["additionalProperties"]
            assert re.fullmatch(r"\^.+\$", names["pattern"]), path
            assert re.fullmatch(r"\^.+\$", values.get("pattern", "^text$")), path
        known = {
            name for name, child in node.get("properties", {}).items() if "default" not in child
        }
        assert set(node.get("required", [])) == known, path


def test_the_default_passes(defaults, schema):
    check_config(defaults, schema)
    assert kernel_sizes(defaults) == [3, 5, 7]


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        ("treshold", 1, "treshold: unknown key (did you mean 'thresholds'?)"),
        ("zzz", 1, "zzz: unknown key (known: sheets, "),
        ("autoencoder.epoch", 5, "autoencoder.epoch: unknown key (did you mean 'epochs'?)"),
        ("figures.colour", 5, "figures.colour: unknown key (did you mean 'colours'?)"),
        *(
            (f"thresholds.{key}", 0.2, f"thresholds.{key}: unknown key")
            for key in ["5x5", "k100", "k05", "k0", 5]
        ),
        ("labels.k05", "x.tsv", "labels.k05: unknown key"),
        *(
            ("thresholds.k5", value, f"thresholds.k5: {value!r} is ")
            for value in [0, 2.5, -0.1, "0.2", float("nan")]
        ),
        ("autoencoder.learning_rate", float("inf"), "autoencoder.learning_rate: inf is "),
        ("autoencoder.learning_rate", "2e-3", "'2e-3' is not of type 'number' (for YAML, "),
        ("autoencoder.epochs", 400.0, "autoencoder.epochs: 400.0 is not of type 'integer'"),
        ("autoencoder.epochs", True, "autoencoder.epochs: True is not of type 'integer'"),
        ("autoencoder.epochs", 0, "autoencoder.epochs: 0 is "),
        ("autoencoder.device", "tpu", "autoencoder.device: 'tpu' is "),
        ("autoencoder.sizes", [5, "seven"], "autoencoder.sizes.1: 'seven' is "),
        ("autoencoder.widths", [], "autoencoder.widths: [] "),
        ("sheets", "models/bundled.tsv", "sheets: 'models/bundled.tsv' is "),
        ("kmeans", None, "kmeans: None is "),
        ("kmeans.sizes", [3, 5], "5 is in two of autoencoder.sizes, kmeans.sizes"),
        ("autoencoder.sizes", [5, 7, 9], "thresholds.k9: missing, since size 9 is measured"),
        ("family.sizes", [9], "thresholds.k9: missing, since size 9 is measured"),
        ("family.sizes", [7], "7 is in two of autoencoder.sizes, kmeans.sizes and family.sizes"),
        ("family.sizes", [1], "family.sizes.0: 1 is "),
        ("min_purity", 1.5, "min_purity: 1.5 is "),
        ("figures.ruler", "both", "figures.ruler: 'both' is "),
        ("labels", {"k5": "no/such.tsv"}, "labels.k5: no such file: "),
        ("labels", {"k9": "config.yaml"}, "labels.k9: size 9 is in neither"),
        ("merge", ["on_cross"], "merge: ['on_cross'] is "),
        ("merge", {"2nd": "mine"}, "merge: '2nd' does not match "),
        ("merge", {"mine": "grün"}, "merge.mine: 'grün' does not match "),
        ("merge", {"mine": None}, "merge.mine: None is not of type 'string'"),
        ("merge", {"on_cross": "other"}, "merge.on_cross: 'other' is not a class that can be"),
        ("merge", {"dead": "on_cross"}, "merge.dead: 'dead' is not a class that can be merged"),
        ("merge", {"a": "b", "b": "c"}, "merge.a: 'b' is itself merged; name the class that"),
    ],
)
def test_a_fault_is_one_line_with_its_dotted_key(
    config, schema, repository, monkeypatch, path, value, expected
):
    monkeypatch.chdir(repository)
    *parents, name = path.split(".")
    node = config
    for parent in parents:
        node = node[parent]
    # YAML reads a key of digits as a number
    node[int(name) if name.isdigit() else name] = value
    (fault,) = faults_of(config, schema)
    assert fault.startswith("config: ")
    assert expected in fault


@pytest.mark.parametrize("key", ["sheets", "autoencoder", "thresholds"])
def test_a_missing_key_is_named(config, schema, key):
    del config[key]
    (fault,) = faults_of(config, schema)
    assert repr(key) in fault


def test_no_size_at_all(config, schema):
    config["autoencoder"]["sizes"] = config["kmeans"]["sizes"] = []
    (fault,) = faults_of(config, schema)
    assert "all empty" in fault


def test_all_faults_are_reported_together(config, schema):
    config["autoencoder"]["epoch"] = 5
    config["thresholds"]["k5"] = 3
    config["colour"] = "red"
    keys = [fault.split(": ")[1] for fault in faults_of(config, schema)]
    assert keys == ["colour", "autoencoder.epoch", "thresholds.k5"]


def test_every_faulty_merge_is_reported(config, schema):
    config["merge"] = {"a": "b", "b": "a", "c": "dead"}
    keys = [fault.split(": ")[1] for fault in faults_of(config, schema)]
    assert keys == ["merge.a", "merge.b", "merge.c"]


def test_settings_beyond_the_default_are_accepted(config, schema):
    config["thresholds"] |= {"k9": 0.3, "k5": 2}
    config["family"]["sizes"] = [9]
    config["min_purity"] = 0
    config["merge"] = {"on_cross": "on_centre", "blob-2": "on_centre", "off_cross": "mine"}
    check_config(config, schema)
    assert (codebook_sizes(config), kernel_sizes(config)) == ([3, 5, 7], [3, 5, 7, 9])


def test_a_key_twice_in_a_file_is_one_line(tmp_path, repository):
    path = tmp_path / "my.yaml"
    path.write_text(
        "experiments:\n  dog: &base\n    seeds: 1\n  keys:\n    <<: *base\n    start: keys\n"
        "  dog: {seeds: 2, seeds: 3}\n"
    )
    with pytest.raises(AtlasError) as caught:
        check_keys(path)
    assert sorted(str(caught.value).splitlines()) == [
        f"{path}, line 7: 'dog' is there already, in line 2",
        f"{path}, line 7: 'seeds' is there already, in line 7",
    ]
    for known in ("config.yaml", "experiments/small.yaml", "experiments/paper.yaml"):
        check_keys(repository / known)
