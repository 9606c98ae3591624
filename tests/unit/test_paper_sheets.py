"""The sheets of the paper's models: whole, consistent, and true to the facts where those are."""

from collections import Counter

import pytest
import yaml

from kernel_atlas.config import check_config
from kernel_atlas.sheet import read_sheets

TABLES = {"3": 5, "4": 7}  # the paper's tables and the kernel size each is about
REGULAR = {"AlexNet", "VGG", "ResNet", "DenseNet"}  # families without depthwise layers


@pytest.fixture(scope="module")
def paper(repository):
    return read_sheets([repository / "models/paper.tsv"])


@pytest.fixture(scope="module")
def both(repository):
    return read_sheets([repository / "models/paper.tsv", repository / "models/extras.tsv"])


@pytest.fixture(scope="module")
def extras(paper, both):
    return both[len(paper) :]


@pytest.fixture(scope="module")
def registry(registry_rows):
    """The verified facts about every row by its id."""
    return {row["id"]: row for row in registry_rows}


def released(models):
    return [model for model in models if not model.source.startswith("none:")]


def timm_names(models):
    prefix = "timm:"
    return {m.source.removeprefix(prefix) for m in models if m.source.startswith(prefix)}


@pytest.mark.parametrize(
    ("table", "rows", "distinct", "obtainable"), [("3", 47, 44, 44), ("4", 54, 53, 51)]
)
def test_each_table_is_whole(paper, table, rows, distinct, obtainable):
    models = [model for model in paper if model.paper_table == table]
    assert len(models) == rows
    assert len({model.source for model in models}) == distinct
    assert len({model.source for model in released(models)}) == obtainable


def test_the_tables_follow_one_another_and_fill_the_sheet(paper):
    assert [model.paper_table for model in paper] == ["3"] * 47 + ["4"] * 54


def test_every_row_of_the_paper_has_its_published_name_family_and_percentage(paper):
    assert [m.model for m in paper if not (m.paper_name and m.family and m.paper_percent)] == []
    assert len({model.paper_name for model in paper}) == len(paper)
    # as printed: two decimals, the trailing zero of 55.30 included
    assert {len(model.paper_percent.partition(".")[2]) for model in paper} == {2}


def test_sources_are_of_three_kinds(paper, extras):
    kinds = Counter(model.source.partition(":")[0] for model in paper)
    assert kinds == {"timm": 86, "https": 13, "none": 2}
    assert len(timm_names(paper)) == 82
    assert len(timm_names(extras)) == 17
    assert not timm_names(paper) & timm_names(extras)


def test_every_obtainable_row_of_the_paper_trains(paper):
    assert {model.role for model in released(paper)} == {"train"}


def test_rows_never_released_say_why(paper):
    reasons = {
        model.model: model.source.removeprefix("none:")
        for model in paper
        if model not in released(paper)
    }
    assert set(reasons) == {"convmixer_512_20_layer_1k", "convmixer_768_initialized"}
    assert all(len(reason.split()) > 5 for reason in reasons.values())
    assert {model.role for model in paper if model.model in reasons} == {"classify"}


def test_duplicates_are_their_first_row_under_another_name(paper):
    by_id = {model.model: model for model in paper}
    duplicates = [model for model in paper if model.duplicate_of]
    assert len(duplicates) == 4
    for model in duplicates:
        first = by_id[model.duplicate_of]
        assert not first.duplicate_of
        # one file: so the paper measured one percentage
        for field in ("source", "role", "family", "paper_table", "paper_percent"):
            assert getattr(model, field) == getattr(first, field), (model.model, field)


def test_no_other_two_rows_share_a_file(both):
    sources = Counter(model.source for model in both if not model.duplicate_of)
    assert [source for source, count in sources.items() if count > 1] == []


def test_extras_are_classified_or_compared_but_never_trained_on(extras):
    assert len(extras) == 21
    for model in extras:
        assert model.role == ("compare" if model.family in REGULAR else "classify"), model.model
        assert (model.paper_name, model.paper_table, model.paper_percent) == ("", "", "")
    assert {model.family for model in extras} >= REGULAR


@pytest.mark.parametrize(
    ("table", "kernels", "obtainable", "mean"),
    [("3", 519_286, 519_286, 68.14), ("4", 917_168, 882_352, 87.58)],
)
def test_kernels_and_their_mean_percentage(paper, registry, table, kernels, obtainable, mean):
    column = f"n_dw_kernels_{TABLES[table]}"
    models = [m for m in paper if m.paper_table == table and not m.duplicate_of]
    counts = {model.model: int(registry[model.model][column]) for model in models}
    assert sum(counts.values()) == kernels
    assert sum(counts[model.model] for model in released(models)) == obtainable
    clustered = sum(counts[model.model] * float(model.paper_percent) for model in models)
    assert clustered / kernels == pytest.approx(mean, abs=0.005)


def test_rows_of_the_paper_are_those_of_the_registry(paper, registry):
    facts = [row for row in registry.values() if row["paper_table"] in TABLES]
    assert [
        (m.model, m.paper_name, m.paper_table, m.paper_percent, m.family, m.duplicate_of)
        for m in paper
    ] == [
        (row["id"], row["paper_name"], row["paper_table"], row["paper_clustered_percent"],
         row["family"], row["duplicates_of"])
        for row in facts
    ]  # fmt: skip


def test_extras_are_the_rest_of_the_registry(extras, registry):
    rest = [row["id"] for row in registry.values() if row["paper_table"] not in TABLES]
    rest.remove("mobilenetv3_large_100_ra_3x3")  # its file is a row of the paper's already
    assert [model.model for model in extras] == rest


def test_sources_are_those_of_the_registry(both, registry):
    for model in both:
        row = registry[model.model]
        expected = {
            "timm": {f"timm:{row['timm_name']}"},
            "url": {row["url"], row["mirror_url"]} - {""},
            "none": {model.source} - set(row.values()),
        }[row["source"]]
        assert model.source in expected, model.model
        assert model.source.startswith("none:") == (row["source"] == "none")


def test_hornet_comes_from_the_links_that_carry_a_checksum(paper, registry):
    hornet = [model for model in paper if model.family == "HorNet"]
    mirrored = [model for model in hornet if registry[model.model]["mirror_url"]]
    assert len(mirrored) == len(hornet) - 1 == 3
    assert [m.source for m in mirrored] == [registry[m.model]["mirror_url"] for m in mirrored]


def test_paper_settings_change_the_sheets_and_the_epochs_alone(repository):
    settings = yaml.safe_load((repository / "models/paper.yaml").read_text())
    assert set(settings) == {"sheets", "autoencoder"}
    assert set(settings["autoencoder"]) == {"epochs"}
    assert all((repository / sheet).is_file() for sheet in settings["sheets"])
    config = yaml.safe_load((repository / "config.yaml").read_text())
    assert config["sheets"] != settings["sheets"]
    config["sheets"] = settings["sheets"]
    config["autoencoder"] |= settings["autoencoder"]
    schema = yaml.safe_load((repository / "workflow/schemas/config.schema.yaml").read_text())
    check_config(config, schema)


def test_epochs_pass_as_many_kernels_as_the_default_does(repository, paper, registry):
    def epochs(name):
        return yaml.safe_load((repository / name).read_text())["autoencoder"]["epochs"]

    default = epochs("config.yaml") * 24_000
    for size in TABLES.values():
        kernels = sum(
            int(registry[model.model][f"n_dw_kernels_{size}"])
            for model in paper
            if model.role == "train" and not model.duplicate_of
        )
        assert default <= epochs("models/paper.yaml") * kernels <= 2 * default
