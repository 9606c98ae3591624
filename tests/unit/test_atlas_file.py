"""Atlas files: exact, equal for equal atlases, and refused when damaged, newer or hostile."""

import json
import pickle
import warnings
import zipfile

import numpy as np
import pytest
from support.atlases import chance

from kernel_atlas.atlas import Atlas
from kernel_atlas.codebooks.codebook import Centres, Codebook
from kernel_atlas.codebooks.packing import pack, unpack
from kernel_atlas.errors import AtlasError
from kernel_atlas.labels.table import Interval
from kernel_atlas.section import Section

TRAINED = [{"model": "net_a", "kernel_size": 5, "n_kernels": 40, "n_dead": 1}]


@pytest.fixture
def atlas(rng):
    """An atlas of 3x3 centres, 5x5 codes and a skipped 7x7."""
    codes = np.cumsum(rng.normal(size=(200, 5, 5)), axis=0).astype(np.float32)
    intervals = [Interval(0, 1 / 3, "on_cross"), Interval(1 / 3, 1, "mine")]
    return Atlas(
        {
            3: Section(
                Centres(rng.normal(size=(10, 3, 3))), [Interval(0, 1, "spot")], 0.1, chance(3.5)
            ),
            5: Section(Codebook(codes), intervals, 0.2, chance(0.25)),
            7: Section.without_codes(7, 0.9),
        },
        TRAINED,
    )


@pytest.fixture
def path(atlas, tmp_path):
    """That atlas in a file."""
    atlas.save(tmp_path / "my.atlas")
    return tmp_path / "my.atlas"


def test_a_file_holds_the_atlas_bit_by_bit(atlas, path, rng):
    loaded = Atlas.load(path)
    assert (list(loaded), loaded.sizes) == ([3, 5, 7], [3, 5])
    for size in loaded:
        section, saved = loaded.sections[size], atlas.sections[size]
        assert type(section.codebook) is type(saved.codebook)
        assert section.codebook.kernels.dtype == saved.codebook.kernels.dtype
        assert section.codebook.kernels.tobytes() == saved.codebook.kernels.tobytes()
        assert section.codebook.kernels.flags.c_contiguous
        assert loaded[size].labels.tolist() == atlas[size].labels.tolist()
        assert section.threshold == saved.threshold
        assert section.random_percents == saved.random_percents
        kernels = rng.normal(size=(30, size, size))
        assert loaded[size].classify(kernels).equals(atlas[size].classify(kernels))
    assert loaded.training_set == TRAINED
    assert loaded.versions == atlas.versions
    assert loaded.training_models == ["net_a"]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_packing_keeps_every_bit(rng, dtype):
    kernels = rng.integers(0, 256, 12 * 9 * np.dtype(dtype).itemsize, np.uint8).view(dtype)
    kernels = kernels.reshape(12, 3, 3)  # infinite and NaN as well
    unpacked = unpack(pack(kernels), (12, 3, 3), dtype)
    assert unpacked.tobytes() == kernels.tobytes()


def test_equal_atlases_are_equal_files(atlas, path, tmp_path):
    Atlas.load(path).save(tmp_path / "again.atlas")
    assert (tmp_path / "again.atlas").read_bytes() == path.read_bytes()
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["again.atlas", "my.atlas"]


def test_what_random_directions_give_is_computed_once(rng, tmp_path, monkeypatch):
    monkeypatch.setattr("kernel_atlas.classes.controls.N_CHANCE", 100)
    section = Section(Codebook(rng.normal(size=(50, 3, 3))), [Interval(0, 0.5, "spot")], 0.2)
    Atlas({3: section}).save(tmp_path / "a.atlas")
    loaded = Atlas.load(tmp_path / "a.atlas").sections[3]
    assert loaded.known_percents == section.random_percents
    made = rng.normal(size=(20_000, 3, 3))
    expected = 100 * (loaded.classifier.classify(made)["class"] == "spot").mean()
    assert loaded.known_percents["clustered"] == pytest.approx(expected, abs=2)


def test_an_atlas_without_codes_is_not_written(tmp_path):
    with pytest.raises(AtlasError, match="has 0"):
        Atlas({7: Section.without_codes(7, 0.3)}).save(tmp_path / "a.atlas")
    assert list(tmp_path.iterdir()) == []


def rewrite(path, change):
    """Change the members of an atlas, given by name as bytes; a list may repeat names."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    members = change(members) or members
    pairs = members.items() if isinstance(members, dict) else members
    with warnings.catch_warnings(), zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        warnings.simplefilter("ignore")  # of a name that is repeated
        for name, content in pairs:
            archive.writestr(name, content)


def set_value(members, *keys, value):
    """Change one value of the description."""
    description = json.loads(members["atlas.json"])
    inner = description
    for key in keys[:-1]:
        inner = inner[key]
    inner[keys[-1]] = value
    members["atlas.json"] = json.dumps(description).encode()


def add(name, content=b""):
    return lambda members: members | {name: content}


HOSTILE = {
    "a pickle": add("k5.pkl", pickle.dumps(print)),
    "a path out of its folder": add("../evil.py", b"print()"),
    "an absolute path": add("/etc/evil"),
    "an extra member": add("notes.txt"),
    "a member twice": lambda m: [*m.items(), ("atlas.json", m["atlas.json"])],
    "codes for no section": add("k9.codes", bytes(9 * 9 * 4)),
    "no description": lambda m: {"k5.codes": m["k5.codes"]},
    "codes missing": lambda m: {n: c for n, c in m.items() if n != "k5.codes"},
    "a pickle for codes": lambda m: m | {"k5.codes": pickle.dumps(np.zeros((200, 5, 5)))},
    "a bomb for a description": lambda m: m | {"atlas.json": b" " * (5 << 20)},
    "a bomb for codes": lambda m: m | {"k5.codes": bytes(50 << 20)},
    "deep nesting": lambda m: m | {"atlas.json": b"[" * 100_000},
    "no JSON": lambda m: m | {"atlas.json": b"\x80\x04K\x01."},
    "a list for a description": lambda m: m | {"atlas.json": b"[]"},
    "NaN": lambda m: m | {"atlas.json": m["atlas.json"].replace(b"0.25", b"NaN")},
    "a huge number": lambda m: m | {"atlas.json": m["atlas.json"].replace(b"0.25", b"9" * 9999)},
    "codes that are not finite": lambda m: m | {"k5.codes": b"\xff" * 20_000},
}
WRONG = {
    "another format": (("format",), "zip"),
    "no version": (("format_version",), None),
    "version 0": (("format_version",), 0),
    "a version that is true": (("format_version",), True),
    "a shape that is too large": (("sections", 1, "shape"), [10**12, 5, 5]),
    "a shape below zero": (("sections", 1, "shape"), [-200, 5, 5]),
    "a shape of floats": (("sections", 1, "shape"), [200.0, 5, 5]),
    "a shape of another size": (("sections", 1, "shape"), [50, 10, 10]),
    "objects": (("sections", 1, "dtype"), "object"),
    "integers": (("sections", 1, "dtype"), "int32"),
    "an unknown method": (("sections", 1, "method"), "pickle"),
    "a size that is text": (("sections", 1, "kernel_size"), "5"),
    "a size twice": (("sections", 0, "kernel_size"), 5),
    "a threshold of text": (("sections", 1, "threshold"), "low"),
    "a threshold below zero": (("sections", 1, "threshold"), -0.2),
    "percents of text": (("sections", 1, "random_percents", "near"), "many"),
    "percents above 100": (("sections", 1, "random_percents", "matched"), 101),
    "percents that lack one": (("sections", 1, "random_percents"), {"near": 1, "clustered": 1}),
    "labels of text": (("sections", 1, "labels"), "on_cross"),
    "a label out of range": (("sections", 1, "labels"), [[0, 2, "on_cross"]]),
    "a label that is no name": (("sections", 1, "labels"), [[0, 1, "\x1b[2J"]]),
    "overlapping labels": (("sections", 1, "labels"), [[0, 0.6, "a"], [0.5, 1, "b"]]),
    "a model that cannot be printed": (("training_set", 0, "model"), "\x1b[2J"),
    "a count of text": (("training_set", 0, "n_kernels"), "many"),
    "a version that cannot be printed": (("versions", "label"), "\n"),
    "no sections": (("sections",), []),
}


@pytest.mark.parametrize("change", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_file_is_refused(path, change):
    rewrite(path, change)
    refuse(path)


@pytest.mark.parametrize(("keys", "value"), WRONG.values(), ids=WRONG)
def test_a_wrong_description_is_refused(path, keys, value):
    rewrite(path, lambda members: set_value(members, *keys, value=value))
    refuse(path)


def refuse(path):
    """Assert that loading ends in one line that names the file, and writes nothing."""
    before = sorted(path.parent.iterdir())
    with pytest.raises(AtlasError) as caught:
        Atlas.load(path)
    message = str(caught.value)
    assert path.name in message
    assert message.isprintable()
    assert sorted(path.parent.iterdir()) == before
    return message


def test_a_newer_file_says_to_update(path):
    def make_newer(members):
        set_value(members, "format_version", value=2)
        return members | {"unheard.of": b""}

    rewrite(path, make_newer)
    assert "made by a newer kernel-atlas" in refuse(path)
    assert "update" in refuse(path)


def test_a_bomb_is_refused_before_it_is_unpacked(path, monkeypatch):
    rewrite(path, HOSTILE["a bomb for codes"])
    read = zipfile.ZipFile.read

    def read_small(archive, member, *arguments):
        assert archive.getinfo(getattr(member, "filename", member)).file_size < 1 << 20
        return read(archive, member, *arguments)

    monkeypatch.setattr(zipfile.ZipFile, "read", read_small)
    assert "too many" in refuse(path)


def test_only_deflate_is_unpacked(path):
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_LZMA) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    assert "deflate" in refuse(path)


@pytest.mark.parametrize("where", [0.05, 0.3, 0.6, 0.95, 0.999])
def test_a_truncated_file_is_refused(path, where):
    content = path.read_bytes()
    path.write_bytes(content[: int(where * len(content))])
    refuse(path)


def test_a_flipped_bit_is_refused_or_harmless(path):
    content = path.read_bytes()
    loaded = Atlas.load(path)
    for place in range(0, len(content), 97):
        path.write_bytes(content[:place] + bytes([content[place] ^ 16]) + content[place + 1 :])
        try:
            found = Atlas.load(path)
        except AtlasError:
            continue
        for size in loaded:  # a bit of a date, for example
            kernels = (atlas.sections[size].codebook.kernels.tobytes() for atlas in (found, loaded))
            assert len(set(kernels)) == 1


@pytest.mark.parametrize("content", [b"", b"PK", b"x" * 1000, pickle.dumps({"codes": [1]})])
def test_a_file_that_is_no_atlas_is_refused(tmp_path, content):
    path = tmp_path / "my.atlas"
    path.write_bytes(content)
    assert "is not a complete atlas" in refuse(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(AtlasError, match=r"no such file: .*none\.atlas"):
        Atlas.load(tmp_path / "none.atlas")
