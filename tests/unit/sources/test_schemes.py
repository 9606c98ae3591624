"""Source URIs: their form, the file behind each, and what shows that it has changed."""

import os
import sys
from types import ModuleType

import pytest

from kernel_atlas.errors import AtlasError
from kernel_atlas.sources import schemes


def located(source):
    return schemes.locate(source).path


@pytest.mark.parametrize("source", ["ftp:x", "timm", "", "FILE:x", ":x"])
def test_an_unknown_scheme_lists_the_known(source):
    with pytest.raises(AtlasError, match="unknown source scheme") as caught:
        schemes.split(source)
    assert all(f"{scheme}:" in str(caught.value) for scheme in schemes.SCHEMES)


@pytest.mark.parametrize(
    "source",
    [
        *("https:host/x", "https://host", "http:///x", "https://host/a b", "timm:a/b", "timm:-x"),
        *("hf:r", "hf:o/r/x", "hf:/r", "hf:o/", "hf:o/r@", "hf:o/r:", "hf:o/r b", "hf:../r"),
        "hf:o/r:a:b",
    ],
)
def test_a_source_without_the_form_of_its_scheme(source):
    scheme = source.partition(":")[0]
    with pytest.raises(AtlasError, match=f"does not have the form {scheme}:"):
        schemes.split(source)


def test_the_rest_may_hold_colons():
    assert schemes.split("file:a:b.pth") == ("file", "a:b.pth")


@pytest.mark.parametrize("source", ["timm:net", "none:never released"])
def test_a_source_that_does_not_name_a_file(source):
    with pytest.raises(AtlasError, match="does not name a file"):
        schemes.locate(source)


def test_a_file_is_relative_to_the_working_directory(tmp_path, monkeypatch):
    path = tmp_path / "net.pth"
    path.write_bytes(b"")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    for source in ("file:net.pth", f"file:{path}", "file:~/net.pth"):
        assert located(source).samefile(path)
    assert schemes.stamp("file:~/net.pth", "", "") == schemes.stamp("file:net.pth", "", "") != ""


@pytest.mark.parametrize("name", ["absent.pth", "folder"])
def test_a_missing_file_is_named_with_its_full_path(tmp_path, monkeypatch, name):
    (tmp_path / "folder").mkdir()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(AtlasError, match=r"no such file|has no model\.safetensors") as caught:
        schemes.locate(f"file:{name}")
    assert str(tmp_path / name) in str(caught.value)


def test_a_file_that_vanishes_is_one_line(tmp_path):
    path = tmp_path / "a.safetensors"
    path.write_bytes(b"12345678")
    file = schemes.locate(f"file:{path}")
    path.unlink()
    with pytest.raises(AtlasError, match=r"a\.safetensors cannot be read: No such file"):
        file.read([(0, 8)])


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


def test_a_file_of_a_package_is_found_without_running_it(package):
    source = "package:atlas_test_package/models/net.pth"
    assert located(source).read_bytes() == b"weights"
    assert "atlas_test_package" not in sys.modules
    stamp = schemes.stamp(source, "", "")
    (package / "models" / "net.pth").write_bytes(b"other weights")
    assert schemes.stamp(source, "", "") != stamp


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
def test_what_a_package_does_not_have_is_named(package, rest, message):
    with pytest.raises(AtlasError, match="package") as caught:
        schemes.locate(f"package:{rest}")
    assert message in str(caught.value)


def test_the_stamp_of_an_unpinned_file_changes_with_its_size_and_time(tmp_path):
    path = tmp_path / "net.pth"
    stamps = []
    for content, time in ((b"1", 1), (b"1", 2), (b"12", 2)):
        path.write_bytes(content)
        os.utime(path, ns=(0, time))
        stamps.append(schemes.stamp(f"file:{path}", "", tmp_path / "zarr.json"))
    assert len({"", *stamps}) == 4
    assert stamps[2] == schemes.stamp(f"file:{path}", "", tmp_path / "zarr.json")


def test_a_file_with_a_checksum_has_no_stamp(tmp_path):
    path = tmp_path / "net.pth"
    path.write_bytes(b"1")
    metadata = tmp_path / "zarr.json"
    metadata.write_text('{"attributes": {"stamp": "earlier"}}')
    assert schemes.stamp(f"file:{path}", "0" * 64, metadata) == ""


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [
        ('{"attributes": {"stamp": "1 bytes, mtime 2 ns"}}', "1 bytes, mtime 2 ns"),
        ('{"attributes": {}}', ""),
        ('{"attri', ""),
        (None, ""),
    ],
)
def test_a_deleted_file_keeps_the_stamp_of_its_extraction(tmp_path, metadata, expected):
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
        ("https://host/net.safetensors?x=1", "", False),
        ("https://host/net.safetensors", "0" * 64, True),
        ("http://host/net.pth?x=.safetensors", "", True),
    ],
)
def test_which_sources_may_have_to_be_fetched_whole(source, sha256, expected):
    assert schemes.may_download(source, sha256) is expected
