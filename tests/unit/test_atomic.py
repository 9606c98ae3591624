"""Files appear whole or not at all, and a full disk is one clear line."""

import errno
import shutil
from types import SimpleNamespace

import pandas as pd
import pytest

from kernel_atlas.atomic import replacing, write_table
from kernel_atlas.errors import AtlasError, NoSpaceError


def test_a_file_appears_whole_in_a_new_folder(tmp_path):
    path = tmp_path / "new" / "folder" / "codebook.npy"
    with replacing(path) as partial:
        assert (partial.parent, partial.suffix) == (path.parent, ".npy")
        partial.write_text("content")
        assert not path.exists()
    assert path.read_text() == "content"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("earlier", [None, "earlier"])
def test_an_error_leaves_the_earlier_file(tmp_path, earlier):
    path = tmp_path / "table.tsv"
    if earlier:
        path.write_text(earlier)
    with pytest.raises(RuntimeError, match="cut off"):
        write_and_raise(path, RuntimeError("cut off"))
    assert [p.read_text() for p in tmp_path.iterdir()] == ([earlier] if earlier else [])


def test_two_files_of_one_name_and_two_suffixes_do_not_mix(tmp_path):
    with replacing(tmp_path / "layers.png") as png, replacing(tmp_path / "layers.svg") as svg:
        png.write_text("png")
        svg.write_text("svg")
    assert (tmp_path / "layers.png").read_text() == "png"
    assert (tmp_path / "layers.svg").read_text() == "svg"


@pytest.mark.parametrize(
    ("error", "free_mb"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), 100),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), 100),
        (RuntimeError("file write failed"), 0.5),  # torch's
    ],
)
def test_a_full_disk_is_one_line(tmp_path, monkeypatch, error, free_mb):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=free_mb * 1e6))
    with pytest.raises(NoSpaceError, match=rf"new/table.tsv .* no space left .* \({free_mb}"):
        write_and_raise(tmp_path / "new/table.tsv", error)


@pytest.mark.parametrize(
    ("error", "free_mb"),
    [(RuntimeError("other"), 100), (PermissionError(errno.EACCES, ""), 100), (AtlasError(), 0)],
)
def test_another_error_is_left_as_it_is(tmp_path, monkeypatch, error, free_mb):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=free_mb * 1e6))
    with pytest.raises(type(error)) as caught:
        write_and_raise(tmp_path / "table.tsv", error)
    assert caught.value is error


def test_a_table_has_tabs_and_fixed_decimals(tmp_path):
    write_table(pd.DataFrame({"model": ["a", "b"], "x": [1 / 3, None]}), tmp_path / "t.tsv", 2)
    assert (tmp_path / "t.tsv").read_bytes() == b"model\tx\na\t0.33\nb\t\n"


def write_and_raise(path, error):
    with replacing(path) as partial:
        partial.write_text("half")
        raise error
