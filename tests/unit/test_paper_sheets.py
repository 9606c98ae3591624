"""The sheets of the paper's models: complete, consistent, and true to the verified facts."""

from collections import Counter

import pytest
import yaml

from kernel_atlas.config import check_config
from kernel_atlas.sheet import PAPER_TABLE_SIZES, read_sheets

REGULAR = {"AlexNet", "VGG", "ResNet", "DenseNet"}  # families without depthwise layers


@pytest.fixture(scope="module")
def paper(repository):
    return read_sheets([repository / "models/paper.tsv"])


@pytest.fixture(scope="module")
def extras(paper, repository):
    return read_sheets([repository / "models/paper.tsv", repository / "models/extras.tsv"])[
        len(paper) :
    ]


@pytest.fixture(scope="module")
def registry(registry_rows):
    """The verified facts about every row by its id."""
    return {row["id"]: row for row in registry_rows}


def released(models):
    return [model for model in models if not model.source.startswith("none:")]


def kinds(models):
    return Counter(model.source.partition(":")[0] for model in models)


@pytest.mark.parametrize(
    ("table", "rows", "distinct", "obtainable"), [("3", 47, 44, 44), ("4", 54, 53, 51)]
)
def test_each_table_is_complete(paper, table, rows, distinct, obtainable):
    models = [model for model in paper if model.paper_table == table]
    assert len(models) == rows
    assert len({model.source for model in models}) == distinct
    assert len({model.source for model in released(models)}) == obtainable


def test_rows_of_the_paper(paper):
    assert [model.paper_table for model in paper] == ["3"] * 47 + ["4"] * 54
    assert [m.model for m in paper if not (m.paper_name and m.family and m.paper_percent)] == []
    assert len({model.paper_name for model in paper}) == len(paper)
    # as printed: two decimals, the trailing zero of 55.30 included
    assert {len(model.paper_percent.partition(".")[2]) for model in paper} == {2}
    assert kinds(paper) == {"timm": 86, "https": 13, "none": 2}
    assert {model.role for model in released(paper)} == {"train"}


def test_rows_never_released_say_why(paper):
    lost = {model.model: model for model in paper if model not in released(paper)}
    assert set(lost) == {"convmixer_512_20_layer_1k", "convmixer_768_initialized"}
    for model in lost.values():
        assert model.role == "classify"
        assert len(model.source.removeprefix("none:").split()) > 5


def test_duplicates_are_their_first_row_under_another_name(paper, extras):
    by_id = {model.model: model for model in paper}
    duplicates = [model for model in paper if model.duplicate_of]
    assert len(duplicates) == 4
    for model in duplicates:
        # one file: so the paper measured one percentage
        for field in ("source", "role", "family", "paper_table", "paper_percent"):
            assert getattr(model, field) == getattr(by_id[model.duplicate_of], field), field
    others = [model.source for model in paper + extras if not model.duplicate_of]
    assert len(set(others)) == len(others)


def test_extras_are_classified_or_compared_but_never_trained_on(extras):
    assert len(extras) == 21
    assert kinds(extras)["timm"] == 17
    for model in extras:
        assert model.role == ("compare" if model.family in REGULAR else "classify"), model.model
        assert (model.paper_name, model.paper_table, model.paper_percent) == ("", "", "")
    assert {model.family for model in extras} >= REGULAR


@pytest.mark.parametrize(
    ("table", "kernels", "obtainable", "mean"),
    [("3", 519_286, 519_286, 68.14), ("4", 917_168, 882_352, 87.58)],
)
def test_kernels_and_their_mean_percentage(paper, registry, table, kernels, obtainable, mean):
    column = f"n_dw_kernels_{PAPER_TABLE_SIZES[table]}"
    models = [m for m in paper if m.paper_table == table and not m.duplicate_of]
    counts = {model.model: int(registry[model.model][column]) for model in models}
    assert sum(counts.values()) == kernels
    assert sum(counts[model.model] for model in released(models)) == obtainable
    clustered = sum(counts[model.model] * float(model.paper_percent) for model in models)
    assert clustered / kernels == pytest.approx(mean, abs=0.005)


def test_rows_are_those_of_the_registry(paper, extras, registry):
    facts = [row for row in registry.values() if row["paper_table"] in PAPER_TABLE_SIZES]
    columns = ("id", "paper_name", "paper_table", "paper_clustered_percent", "family")
    assert [
        (m.model, m.paper_name, m.paper_table, m.paper_percent, m.family, m.duplicate_of)
        for m in paper
    ] == [(*(row[column] for column in columns), row["duplicates_of"]) for row in facts]
    rest = [row["id"] for row in registry.values() if row["paper_table"] not in PAPER_TABLE_SIZES]
    rest.remove("mobilenetv3_large_100_ra_3x3")  # its file is a row of the paper's already
    assert [model.model for model in extras] == rest


def test_sources_are_those_of_the_registry(paper, extras, registry):
    for model in paper + extras:
        row = registry[model.model]
        expected = {
            "timm": {f"timm:{row['timm_name']}"},
            "url": {row["url"], row["mirror_url"]} - {""},
            "none": {model.source} - set(row.values()),
        }[row["source"]]
        assert model.source in expected, model.model
        assert model.source.startswith("none:") == (row["source"] == "none")
        if model.family == "HorNet" and row["mirror_url"]:  # that link carries a checksum
            assert model.source == row["mirror_url"]


@pytest.fixture(scope="module")
def settings(repository):
    """The default configuration, and what the paper's changes."""
    names = ("config.yaml", "models/paper.yaml")
    return [yaml.safe_load((repository / name).read_text()) for name in names]


def test_paper_settings_change_the_sheets_the_epochs_and_the_sizes_alone(repository, settings):
    config, changes = settings
    assert set(changes) == {"sheets", "autoencoder", "family", "thresholds"}
    assert set(changes["autoencoder"]) == {"epochs", "refine_epochs"}
    assert changes["autoencoder"]["refine_epochs"] == 0, "the paper's own training"
    assert all((repository / sheet).is_file() for sheet in changes["sheets"])
    assert config["sheets"] != changes["sheets"]
    config = config | {
        "sheets": changes["sheets"],
        "autoencoder": config["autoencoder"] | changes["autoencoder"],
        "family": changes["family"],
        "thresholds": config["thresholds"] | changes["thresholds"],
    }
    schema = yaml.safe_load((repository / "workflow/schemas/config.schema.yaml").read_text())
    check_config(config, schema)


def test_epochs_pass_as_many_kernels_as_suit_the_bundled_networks(settings, paper, registry):
    suitable, ours = 400, settings[1]["autoencoder"]["epochs"]
    for size in PAPER_TABLE_SIZES.values():
        kernels = sum(
            int(registry[model.model][f"n_dw_kernels_{size}"])
            for model in paper
            if model.role == "train" and not model.duplicate_of
        )
        assert suitable * 24_000 <= ours * kernels <= 2 * suitable * 24_000
