"""The configuration: config.yaml and its schema agree, and each fault is one clear line."""

import copy
import re

import pytest
import yaml

from kernel_atlas.config import check_config, kernel_sizes
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
    """A mapping without known keys may say by a pattern which ones it takes."""
    objects = {path: node for path, node in properties(schema) if node.get("type") == "object"}
    for path, node in {"top": schema, **objects}.items():
        has_patterns = {"propertyNames", "additionalProperties"} <= set(node)
        if "properties" in node or not has_patterns:
            assert node["additionalProperties"] is False, path
        else:
            for part in ("propertyNames", "additionalProperties"):
                assert re.fullmatch(r"\^.+\$", node[part]["pattern"]), path
        assert set(node.get("required", [])) == set(node.get("properties", {})), path


def test_the_default_passes(defaults, schema):
    check_config(defaults, schema)
    assert kernel_sizes(defaults) == [3, 5, 7]


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        ("treshold", 1, "treshold: unknown key (did you mean 'thresholds'?)"),
        ("zzz", 1, "zzz: unknown key (known: sheets, "),
        ("autoencoder.epoch", 5, "autoencoder.epoch: unknown key (did you mean 'epochs'?)"),
        ("kmeans.centers", 5, "kmeans.centers: unknown key (did you mean 'centres'?)"),
        ("figures.colour", 5, "figures.colour: unknown key (known: samples, dpi)"),
        ("thresholds.5x5", 0.2, "thresholds.5x5: unknown key"),
        ("thresholds.k100", 0.2, "thresholds.k100: unknown key"),
        ("thresholds.k05", 0.2, "thresholds.k05: unknown key"),
        ("thresholds.k0", 0.2, "thresholds.k0: unknown key"),
        ("labels.k05", "x.tsv", "labels.k05: unknown key"),
        ("thresholds.k5", 0, "thresholds.k5: 0 is "),
        ("thresholds.k5", 2.5, "thresholds.k5: 2.5 is "),
        ("thresholds.k5", -0.1, "thresholds.k5: -0.1 is "),
        ("thresholds.k5", "0.2", "thresholds.k5: '0.2' is "),
        ("thresholds.k5", float("nan"), "thresholds.k5: nan is "),
        ("autoencoder.learning_rate", float("inf"), "autoencoder.learning_rate: inf is "),
        (
            "autoencoder.learning_rate",
            "2e-3",
            "autoencoder.learning_rate: '2e-3' is not of type 'number' (for YAML, ",
        ),
        ("autoencoder.epochs", 400.0, "autoencoder.epochs: 400.0 is not of type 'integer'"),
        ("autoencoder.epochs", True, "autoencoder.epochs: True is not of type 'integer'"),
        ("autoencoder.epochs", 0, "autoencoder.epochs: 0 is "),
        ("autoencoder.seeds", 0, "autoencoder.seeds: 0 is "),
        ("autoencoder.seeds", [1, 2], "autoencoder.seeds: [1, 2] is not of type 'integer'"),
        ("autoencoder.device", "tpu", "autoencoder.device: 'tpu' is "),
        ("autoencoder.held_out", 1, "autoencoder.held_out: 1 is "),
        ("autoencoder.sizes", [5, "seven"], "autoencoder.sizes.1: 'seven' is "),
        ("autoencoder.widths", [], "autoencoder.widths: [] "),
        ("figures.dpi", 5, "figures.dpi: 5 is "),
        ("sheets", "models/bundled.tsv", "sheets: 'models/bundled.tsv' is "),
        ("kmeans", None, "kmeans: None is "),
        ("labels", None, "labels: None is "),
        ("kmeans.sizes", [3, 5], "kmeans.sizes: 5 is in autoencoder.sizes too"),
        ("autoencoder.sizes", [5, 7, 9], "thresholds.k9: missing, since size 9 is clustered"),
        ("labels", {"k5": "no/such.tsv"}, "labels.k5: no such file: "),
        ("merge", None, "merge: None is "),
        ("merge", ["on_cross"], "merge: ['on_cross'] is "),
        ("merge", {"on cross": "mine"}, "merge: 'on cross' does not match "),
        ("merge", {"2nd": "mine"}, "merge: '2nd' does not match "),
        ("merge", {"mine": "grün"}, "merge.mine: 'grün' does not match "),
        ("merge", {"mine": ""}, "merge.mine: '' does not match "),
        ("merge", {"mine": ["yours"]}, "merge.mine: ['yours'] is not of type 'string'"),
        ("merge", {"mine": None}, "merge.mine: None is not of type 'string'"),
        ("merge", {"on_cross": "other"}, "merge.on_cross: 'other' is no class that can be"),
        ("merge", {"dead": "on_cross"}, "merge.dead: 'dead' is no class that can be merged"),
        ("merge", {"a": "b", "b": "c"}, "merge.a: 'b' is itself merged; name the class that"),
        ("merge", {"a": "a"}, "merge.a: 'a' is itself merged"),
    ],
)
def test_a_fault_is_one_line_with_its_dotted_key(config, schema, path, value, expected):
    *parents, name = path.split(".")
    node = config
    for parent in parents:
        node = node[parent]
    node[name] = value
    (fault,) = faults_of(config, schema)
    assert fault.startswith(f"config: {expected}")


def test_a_number_for_a_key_is_named_too(config, schema):
    config["thresholds"][5] = 0.2
    (fault,) = faults_of(config, schema)
    assert fault.startswith("config: thresholds.5: unknown key")


@pytest.mark.parametrize("key", ["sheets", "autoencoder", "thresholds"])
def test_a_missing_key_is_named(config, schema, key):
    del config[key]
    (fault,) = faults_of(config, schema)
    assert repr(key) in fault


def test_labels_of_a_size_that_is_not_clustered(config, schema, tmp_path):
    (tmp_path / "own.tsv").touch()
    config["labels"] = {"k9": str(tmp_path / "own.tsv"), "k5": str(tmp_path / "own.tsv")}
    (fault,) = faults_of(config, schema)
    assert fault.startswith("config: labels.k9: size 9 is in neither")


def test_no_size_at_all(config, schema):
    config["autoencoder"]["sizes"] = config["kmeans"]["sizes"] = []
    (fault,) = faults_of(config, schema)
    assert "both empty" in fault


def test_all_faults_are_reported_together(config, schema):
    config["autoencoder"]["epoch"] = 5
    config["thresholds"]["k5"] = 3
    config["colour"] = "red"
    assert [fault.split(": ")[1] for fault in faults_of(config, schema)] == [
        "colour",
        "autoencoder.epoch",
        "thresholds.k5",
    ]


def test_a_threshold_more_than_needed_and_the_largest_are_accepted(config, schema):
    config["thresholds"] |= {"k9": 0.3, "k5": 2}
    check_config(config, schema)


def test_classes_of_the_family_and_own_ones_can_be_merged(config, schema):
    config["merge"] = {"on_cross": "on_centre", "blob-2": "on_centre", "off_cross": "mine"}
    check_config(config, schema)


def test_every_chain_of_merges_is_reported(config, schema):
    config["merge"] = {"a": "b", "b": "a", "c": "dead"}
    assert [fault.split(": ")[1] for fault in faults_of(config, schema)] == [
        "merge.a",
        "merge.b",
        "merge.c",
    ]
