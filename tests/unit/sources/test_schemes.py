"""Sources: finding the file behind a URI, its checksum and its stamp."""

import hashlib
import json
import os
import sys
from importlib.metadata import version
from pathlib import Path
from types import ModuleType

import pytest

from kernel_atlas.errors import AtlasError
from kernel_atlas.sources import schemes
from kernel_atlas.sources.checksum import check_sha256
from kernel_atlas.sources.timm import assign_files, names_in


@pytest.fixture
def package(tmp_path, monkeypatch):
    """An importable package that fails when it is run."""
    folder = tmp_path / "site" / "atlas_test_package"
    (folder / "models").mkdir(parents=True)
    (folder / "__init__.py").write_text("raise RuntimeError('a source must never be run')")
    (folder / "models" / "net.pth").write_bytes(b"weights")
    (tmp_path / "site" / "secret.txt").write_text("outside the package")
    (tmp_path / "site" / "atlas_test_module.py").write_text("")
    monkeypatch.syspath_prepend(folder.parent)
    monkeypatch.setitem(sys.modules, "atlas_test_stray", ModuleType("atlas_test_stray"))
    return folder


def test_file_is_relative_to_the_working_directory(tmp_path, monkeypatch):
    (tmp_path / "net.pth").write_bytes(b"")
    monkeypatch.chdir(tmp_path)
    assert schemes.locate("file:net.pth").path.samefile(tmp_path / "net.pth")
    assert schemes.locate(f"file:{tmp_path}/net.pth").path.samefile(tmp_path / "net.pth")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert schemes.locate("file:~/net.pth").path.samefile(tmp_path / "net.pth")
    assert schemes.stamp("file:~/net.pth", "", "") == schemes.stamp("file:net.pth", "", "") != ""


@pytest.mark.parametrize("name", ["absent.pth", "folder"])
def test_a_missing_file_is_named_with_its_whole_path(tmp_path, monkeypatch, name):
    (tmp_path / "folder").mkdir()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(AtlasError, match="no such file") as caught:
        schemes.locate(f"file:{name}")
    assert str(tmp_path / name) in str(caught.value)


def test_a_file_of_a_package_is_found_without_running_it(package):
    path = schemes.locate("package:atlas_test_package/models/net.pth").path
    assert path.read_bytes() == b"weights"
    assert "atlas_test_package" not in sys.modules


@pytest.mark.parametrize(
    ("rest", "message"),
    [
        ("no_such_package_here/x.pth", "no installed Python package 'no_such_package_here'"),
        ("two-words/x.pth", "no installed Python package 'two-words'"),
        ("atlas_test_package.models/net.pth", "no installed Python package"),
        ("atlas_test_stray/x.pth", "no installed Python package"),
        ("atlas_test_module/x.pth", "no installed Python package"),
        ("atlas_test_package/models/absent.pth", "holds no file 'models/absent.pth'"),
        ("atlas_test_package/models", "holds no file 'models'"),
        ("atlas_test_package", "holds no file ''"),
        ("atlas_test_package/../secret.txt", "holds no file '../secret.txt'"),
    ],
)
def test_what_is_missing_in_a_package_is_named(package, rest, message):
    with pytest.raises(AtlasError, match="package") as caught:
        schemes.locate(f"package:{rest}")
    assert message in str(caught.value)


@pytest.mark.parametrize("source", ["ftp:x", "timm", "", "FILE:x", ":x"])
def test_an_unknown_scheme_lists_the_known(source):
    with pytest.raises(AtlasError, match="unknown source scheme") as caught:
        schemes.split(source)
    assert all(f"{scheme}:" in str(caught.value) for scheme in schemes.SCHEMES)


def test_the_rest_may_hold_colons():
    assert schemes.split("file:a:b.pth") == ("file", "a:b.pth")


def test_checksum(tmp_path):
    path = tmp_path / "net.pth"
    path.write_bytes(b"weights")
    right = hashlib.sha256(b"weights").hexdigest()
    check_sha256(path, right)
    with pytest.raises(AtlasError, match="wrong checksum") as caught:
        check_sha256(path, "0" * 64)
    assert all(part in str(caught.value) for part in (str(path), "7 bytes", right, "0" * 64))


def test_stamp_changes_with_size_and_time_of_an_unpinned_file(tmp_path):
    path = tmp_path / "net.pth"
    path.write_bytes(b"1")
    os.utime(path, ns=(0, 1))
    first = schemes.stamp(f"file:{path}", "", tmp_path / "zarr.json")
    assert first == schemes.stamp(f"file:{path}", "", tmp_path / "zarr.json") != ""
    os.utime(path, ns=(0, 2))
    second = schemes.stamp(f"file:{path}", "", tmp_path / "zarr.json")
    path.write_bytes(b"12")
    os.utime(path, ns=(0, 2))
    assert len({first, second, schemes.stamp(f"file:{path}", "", tmp_path / "zarr.json")}) == 3


@pytest.mark.parametrize("source", ["file:{path}", "package:numpy/__init__.py"])
def test_no_stamp_where_the_content_is_pinned(tmp_path, source):
    path = tmp_path / "net.pth"
    path.write_bytes(b"1")
    metadata = tmp_path / "zarr.json"
    metadata.write_text('{"attributes": {"stamp": "earlier"}}')
    assert schemes.stamp(source.format(path=path), "0" * 64, metadata) == ""


def test_a_file_in_a_package_has_a_stamp_too(tmp_path, monkeypatch):
    package = tmp_path / "made_up_weights"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "net.pth").write_bytes(b"1")
    monkeypatch.syspath_prepend(tmp_path)
    stamps = []
    for content in (b"1", b"12"):
        (package / "net.pth").write_bytes(content)
        stamps.append(schemes.stamp("package:made_up_weights/net.pth", "", tmp_path / "none"))
    assert len({"", *stamps}) == 3


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [
        ('{"attributes": {"stamp": "1 bytes, mtime 2 ns"}}', "1 bytes, mtime 2 ns"),
        ('{"attributes": {}}', ""),
        ('{"attri', ""),
        (None, ""),
    ],
)
def test_a_deleted_file_keeps_the_stamp_it_was_extracted_with(tmp_path, metadata, expected):
    path = tmp_path / "zarr.json"
    if metadata:
        path.write_text(metadata)
    assert schemes.stamp(f"file:{tmp_path}/absent.pth", "", path) == expected


@pytest.mark.parametrize(
    ("source", "sha256", "expected"),
    [
        ("file:net.pth", "", False),
        ("package:p/net.pth", "0" * 64, False),
        ("timm:net", "", False),
        ("none:never released", "", False),
        ("hf:o/r:net.safetensors", "", False),
        ("hf:o/r:net.pth", "", True),
        ("hf:o/r", "", True),
        ("https://host/net.safetensors", "", False),
        ("https://host/net.safetensors?x=1", "", False),
        ("https://host/net.safetensors", "0" * 64, True),
        ("https://host/net.pth", "", True),
        ("http://host/net.pth?x=.safetensors", "", True),
    ],
)
def test_what_may_have_to_be_fetched_whole(source, sha256, expected):
    assert schemes.may_download(source, sha256) is expected


@pytest.mark.parametrize(
    "source",
    ["https:host/x", "https://host", "http:///x", "https://host/a b", "timm:a/b", "timm:-x"],
)
def test_a_source_without_the_form_of_its_scheme(source):
    with pytest.raises(AtlasError, match="has not the form"):
        schemes.split(source)


@pytest.mark.parametrize("source", ["timm:net", "none:never released"])
def test_what_stands_for_no_file_is_not_located(source):
    with pytest.raises(AtlasError, match="stands for no file by itself"):
        schemes.locate(source)


def test_timm_is_asked_for_new_names_alone(tmp_path):
    first = assign_files(["b", "a"], tmp_path)
    assert assign_files(["a", "b"], tmp_path) == first  # the order of the sheet is no matter
    (path,) = set(first.values())
    assert names_in(path) == []
    (tmp_path / "damaged.json").write_text('{"a": ')
    unknown = {"error": "timm knows no 'b'", "timm_version": version("timm")}
    for answer, is_asked_again in ((unknown, False), (unknown | {"timm_version": "0.1"}, True)):
        Path(path).write_text(json.dumps({"a": {"layers": []}, "b": answer}))
        assert names_in(path) == ["a", "b"]
        second = assign_files(["a", "b", "c"], tmp_path)
        assert second["a"] == path != second["c"]
        # of another timm, what failed is asked again
        assert second["b"] == (second["c"] if is_asked_again else path)
    assert assign_files(["a"], tmp_path) == {"a": path}
    assert assign_files([], tmp_path / "absent") == {}


def test_a_file_that_cannot_be_read_is_one_line(tmp_path):
    path = tmp_path / "a.safetensors"
    path.write_bytes(b"12345678")
    file = schemes.locate(f"file:{path}")
    path.unlink()
    with pytest.raises(AtlasError, match=r"a\.safetensors cannot be read: No such file"):
        file.read([(0, 8)])
