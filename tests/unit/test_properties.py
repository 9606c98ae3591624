"""What holds for any sheet, source and header: hypothesis makes them up."""

from pathlib import Path

import fuzz_header
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from kernel_atlas.errors import MAX_CHARACTERS, AtlasError
from kernel_atlas.sheet import MAX_FAULTS, read_sheets
from kernel_atlas.sources import hub, schemes
from kernel_atlas.sources.remote import RemoteFile

# the same examples in each run; tests/fuzz_header.py looks for new ones
repeatable = settings(derandomize=True, deadline=None, database=None, max_examples=100)

WORDS = [
    *("model", "source", "role", "sha256", "family", "duplicate_of", "\t", "\t", "\n", "\n", "\r"),
    *("#", "a", "b", "file:a", "hf:a/b", "none:x", "train", "classify", "../x", "\0"),
]
SHEET = st.one_of(
    st.binary(),
    st.text().map(str.encode),
    # almost a sheet: its words, its separators, and anything else
    st.lists(st.sampled_from(WORDS) | st.text(max_size=3), max_size=60).map(
        lambda words: ("model\tsource\trole\n" + "".join(words)).encode()
    ),
)
PARTS = ["..", ".", "/", "/", ":", "@", "a", "b.pth", "~", "~root", "%2f", "%00", "\0", "\n", " "]
URI = st.builds(
    str.__add__,
    st.sampled_from([f"{scheme}:" for scheme in schemes.SCHEMES]) | st.just("https://host/"),
    st.lists(st.sampled_from(PARTS) | st.text(max_size=3), max_size=8).map("".join),
)


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    """A file to be written over and over."""
    return tmp_path_factory.mktemp("properties") / "file"


@repeatable
@given(content=SHEET)
@example(b"\t".join(b"c%d" % i for i in range(300_000)))  # columns
@example(b"model\tsource\trole\n" + b"a\tb\tc\n" * 5_000)  # faults
@example(b"model\tsource\trole\na\tfile:" + b"x" * 200_000 + b"\ttrain\n")
@example(b"model\tsource\trole\tfamily\na\tfile:a\ttrain\tx\x1b[2Jy")
@example(b"model\tsource\trole\na\tfile:x\xe2\x80\xa8y\ttrain\n")  # a line separator
def test_a_sheet_has_safe_rows_or_is_refused_in_clear_lines(path, content):
    path.write_bytes(content)
    try:
        rows = read_sheets([path])
    except AtlasError as error:
        lines = str(error).split("\n")
        assert len(lines) <= MAX_FAULTS + 1
        assert all(line.isprintable() for line in lines)
        assert max(map(len, lines)) < 2 * MAX_CHARACTERS
        return
    for row in rows:
        assert all(cell.isprintable() for cell in vars(row).values())
        folder = Path("/results/kernels.zarr")
        assert (folder / row.model).resolve().parent == folder
    assert len({row.model.lower() for row in rows}) == len(rows)


@repeatable
@given(source=st.text() | URI)
@example(source="hf:a/b:../../x.pth")
@example(source="hf:a/b:/x.pth")
@example(source="hf:a/b@../..:x.pth")
def test_a_source_is_split_or_refused_in_one_line(source):
    try:
        scheme, rest = schemes.split(source)
    except AtlasError as error:
        message = str(error)
        assert message.isprintable()
        return
    assert scheme in schemes.SCHEMES
    assert f"{scheme}:{rest}" == source
    assert source.isprintable()
    if scheme == "hf":
        repo, revision, file = hub.parse(source)
        folder = Path("/cache/snapshots")
        for name in (repo, revision or "main", file or "x"):
            assert (folder / name).resolve().is_relative_to(folder)
            assert not {"..", "."} & set(name.split("/"))


@repeatable
@given(
    rest=URI.map(lambda source: source.partition(":")[2]),
    scheme=st.sampled_from(["file", "package", "https"]),
)
@example(rest="~nobody-of-this-name/x.pth", scheme="file")
@example(rest="x" * 5_000, scheme="file")
@example(rest="kernel_atlas/" + "x" * 5_000, scheme="package")
@example(rest="kernel_atlas/../kernel_atlas/errors.py", scheme="package")
@example(rest="kernel_atlas/../../pyproject.toml", scheme="package")
@example(rest="//host/..%2f..%2fx%0aERROR.pth", scheme="https")
def test_a_source_is_located_or_refused(rest, scheme):
    source = f"{scheme}:{rest}"
    try:
        found = schemes.locate(source)
    except AtlasError:
        return
    if isinstance(found, RemoteFile):
        assert found.name.isprintable()
        assert not set(found.name) & {"/", "\0"}
    elif scheme == "package":
        assert rest.split("/")[0] in found.path.parts


@settings(repeatable, max_examples=300)
@given(content=fuzz_header.files())
@example(b"\x3a" + bytes(7) + b'{"a":{"dtype":"U8","shape":[0,0],"data_offsets":[0,0]}}   ')
def test_a_header_is_read_as_by_the_formats_own_library(path, content):
    fuzz_header.check(path, content)
