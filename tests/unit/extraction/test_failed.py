"""Models that fail: a record of the cause, a table of them, and nothing left of the records."""

import json

import pytest

from kernel_atlas.errors import AtlasError, NoSpaceError
from kernel_atlas.extraction.failed import check_extracted, list_failed, read_failed, recorded


@pytest.fixture
def metadata(tmp_path):
    """A function that names a model's zarr.json, with a content if one is given."""

    def name(model, content=None):
        path = tmp_path / "kernels.zarr" / model / "zarr.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        if content is not None:
            path.write_text(content)
        return path

    return name


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (AtlasError("model a: no such file: x"), "no such file: x"),
        (TypeError("what is this"), "unexpected TypeError: what is this"),
    ],
)
def test_a_model_at_fault_is_recorded_and_listed(metadata, tmp_path, caplog, error, cause):
    with recorded(metadata("a")):
        raise error
    assert caplog.records[-1].levelname == "ERROR"
    list_failed([metadata("a"), metadata("b", "{}")], tmp_path / "failed.tsv")
    assert read_failed(tmp_path / "failed.tsv") == {"a": cause}
    # what is missing is extracted again
    assert not metadata("a").exists()
    assert metadata("b").exists()


@pytest.mark.parametrize("error", [NoSpaceError("full"), MemoryError(), OSError("no disk")])
def test_a_machine_at_fault_fails_the_job(metadata, error):
    with pytest.raises(type(error)), recorded(metadata("a")):
        raise error
    assert not metadata("a").exists()


def test_what_goes_well_is_left_alone(metadata, tmp_path):
    with recorded(metadata("a", '{"zarr_format": 3}')):
        pass
    list_failed([metadata("a")], tmp_path / "failed.tsv")
    assert (tmp_path / "failed.tsv").read_text() == "model\tcause\n"
    check_extracted(tmp_path / "failed.tsv", 1)


@pytest.mark.parametrize("cause", ["a \"b\" 'c'", "two\nlines\tand a tab", "Ünïcode, \\ and ,"])
def test_any_cause_is_one_cell(metadata, tmp_path, cause):
    path = metadata("a", json.dumps({"failed": cause}))
    list_failed([path], tmp_path / "failed.tsv")
    assert len((tmp_path / "failed.tsv").read_text().splitlines()) == 2
    assert read_failed(tmp_path / "failed.tsv") == {"a": " ".join(cause.split())}


def test_damaged_metadata_are_a_cause(metadata, tmp_path):
    list_failed([metadata("a", "")], tmp_path / "failed.tsv")
    assert "zarr.json is damaged" in read_failed(tmp_path / "failed.tsv")["a"]


def test_failed_models_end_a_run(tmp_path):
    (tmp_path / "failed.tsv").write_text("model\tcause\na\tno such file\nb\tcut\n")
    with pytest.raises(AtlasError, match=r"^2 of 9 models .* \(a: no such file\); the tables are "):
        check_extracted(tmp_path / "failed.tsv", 9)


def test_without_a_table_nothing_has_failed(tmp_path):
    assert read_failed(tmp_path / "failed.tsv") == {}
