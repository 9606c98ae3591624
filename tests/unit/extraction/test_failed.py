"""A model that fails leaves a group without kernels, which says why."""

import pytest

from kernel_atlas.errors import AtlasError, NoSpaceError
from kernel_atlas.extraction.failed import check_extracted, read_cause, recorded
from kernel_atlas.extraction.store import read_kernels

FACTS = {"model": "net", "source": "file:net.pth", "stamp": ""}


@pytest.fixture
def group(tmp_path):
    return tmp_path / "kernels.zarr" / "net"


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (AtlasError("model net: no such file: x"), "no such file: x"),
        (AtlasError('two\nlines,\ta tab and "quotes"'), 'two lines, a tab and "quotes"'),
        (TypeError("what is this"), "unexpected TypeError: what is this"),
    ],
)
def test_a_model_at_fault_has_a_group_without_kernels(group, caplog, error, cause):
    with recorded(group, FACTS):
        raise error
    assert caplog.records[-1].levelname == "ERROR"
    assert read_cause(group / "zarr.json") == cause
    assert read_kernels(group, 5).kernels.shape == (0, 5, 5)
    assert read_kernels(group, 5).layers == []


def test_the_same_fault_leaves_the_same_bytes(group):
    contents = []
    for _ in range(2):
        with recorded(group, FACTS):
            raise AtlasError("model net: no such file")
        contents.append((group / "zarr.json").read_bytes())
    assert contents[0] == contents[1]


@pytest.mark.parametrize("error", [NoSpaceError("full"), MemoryError(), OSError("no disk")])
def test_a_machine_at_fault_fails_the_job(group, error):
    with pytest.raises(type(error)), recorded(group, FACTS):
        raise error
    assert not group.exists()


def test_a_model_without_fault_has_no_cause(group, write_group, rng):
    with recorded(group, FACTS):
        write_group("net", [("dw", rng.normal(size=(4, 5, 5)))])
    assert read_cause(group / "zarr.json") == ""


def test_a_damaged_group_is_a_cause(group):
    group.mkdir(parents=True)
    (group / "zarr.json").write_text("")
    assert "zarr.json is damaged" in read_cause(group / "zarr.json")


def test_failed_models_end_a_run_and_good_ones_do_not(tmp_path):
    path = tmp_path / "failed.tsv"
    path.write_text("model\tcause\na\tno such file\nb\tcut\n")
    with pytest.raises(AtlasError, match=r"^2 of 9 models .* \(a: no such file\).*make retry"):
        check_extracted(path, 9)
    path.write_text("model\tcause\n")
    check_extracted(path, 9)
