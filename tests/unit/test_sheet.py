"""The model sheet: what is accepted, and where each fault is reported."""

import pytest

from kernel_atlas.errors import AtlasError
from kernel_atlas.sheet import Model, read_sheets

HEADER = "model\tsource\tsha256\trole\tfamily\tpaper_table\tpaper_percent\tduplicate_of"
SHA256 = "0123456789abcdef" * 4


@pytest.fixture
def sheet(tmp_path):
    """A function that writes a sheet of these lines."""

    def write(*lines, name="sheet.tsv", newline="\n", encoding="utf-8"):
        path = tmp_path / name
        path.write_bytes((newline.join(lines) + newline).encode(encoding))
        return path

    return write


def row(**cells):
    """A valid `classify` row with some cells changed."""
    default = dict.fromkeys(HEADER.split("\t"), "")
    default |= {"model": "net", "source": "file:net.pth", "role": "classify"}
    return "\t".join((default | cells).values())


GOOD = row(model="good", source="file:good.pth", role="train")


def faults_of(*paths):
    with pytest.raises(AtlasError) as caught:
        read_sheets(paths)
    return str(caught.value).splitlines()


def test_rows_are_read_in_order(sheet):
    cells = {"sha256": SHA256.upper(), "family": "Net", "paper_table": "4", "paper_percent": "97.5"}
    assert read_sheets([sheet(HEADER, row(model="a.b-c_1", **cells), GOOD)]) == [
        Model("a.b-c_1", "file:net.pth", "classify", SHA256, "Net", "", "4", "97.5"),
        Model("good", "file:good.pth", "train"),
    ]


def test_optional_columns_and_trailing_cells_may_be_absent(sheet):
    path = sheet("role\tmodel\tsource\tfamily", "train\tm\tpackage:p/x.pth")
    assert read_sheets([path]) == [Model("m", "package:p/x.pth", "train")]


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_comments_empty_lines_and_editors_habits_are_accepted(sheet, newline, encoding):
    lines = ("# a comment", "", HEADER, "", "  ", "#off\tbad:source", GOOD, row(family="Ünet"), "")
    path = sheet(*lines, newline=newline, encoding=encoding)
    assert [(m.model, m.family) for m in read_sheets([path])] == [("good", ""), ("net", "Ünet")]


@pytest.mark.parametrize(
    ("column", "cells", "detail"),
    [
        *(
            ("model", {"model": name}, f"{name!r} is not a safe file name")
            for name in ["../x", "a/b", ".hidden", "-option", "two words", "naïve", "", "x" * 101]
        ),
        ("model", {"model": "zarr.json"}, "'zarr.json' is the name of a result"),
        ("role", {"role": "test"}, "'test' (known: train, classify, compare)"),
        ("role", {"role": ""}, "''"),
        ("source", {"source": "ftp://host/x.pth"}, "'ftp://host/x.pth' (known: file:, package:"),
        ("source", {"source": "file:"}, "nothing follows"),
        ("source", {"source": ""}, "''"),
        ("source", {"source": "file:\x1b[2Ja"}, "has characters that cannot be printed"),
        ("sha256", {"sha256": "abc"}, "'abc'"),
        ("sha256", {"sha256": "g" * 64}, "'ggg"),
        ("sha256", {"sha256": SHA256 + "0"}, "64 hexadecimal"),
        ("family", {"family": "all"}, "'all' is the name of the sum"),
        *(
            ("paper_percent", {"paper_percent": percent, "paper_table": "3"}, repr(percent))
            for percent in ["101", "-1", "nan", "97 %"]
        ),
        ("paper_table", {"paper_percent": "97", "paper_table": "5"}, "'5'"),
        ("paper_table", {"paper_percent": "97"}, "''"),
        ("source", {"source": "file:good.pth"}, "the same source as model good"),
        ("duplicate_of", {"duplicate_of": "z"}, "'z' is not a model of the sheet"),
        ("duplicate_of", {"duplicate_of": "net"}, "'net' is a duplicate itself"),
        ("duplicate_of", {"duplicate_of": "good"}, "are not those of good"),
        (
            "duplicate_of",
            {"duplicate_of": "good", "source": "file:good.pth", "role": "train", "sha256": SHA256},
            "are not those of good",
        ),
    ],
)
def test_a_fault_in_a_row_is_one_line_with_sheet_line_and_column(sheet, column, cells, detail):
    path = sheet("# comment", HEADER, GOOD, row(**cells))
    (fault,) = faults_of(path)
    assert fault.startswith(f"{path}, line 4, column {column}: ")
    assert detail in fault


def test_a_newline_in_a_quoted_id_is_refused(sheet):
    path = sheet(HEADER, GOOD, '"a\nb"\tfile:x\t\ttrain\t\t\t')
    assert f"{path}, line 3, column" in faults_of(path)[0]


@pytest.mark.parametrize(("first", "twin"), [("a", "a"), ("aB", "Ab")])
def test_a_duplicate_id_names_both_places(sheet, first, twin):
    one = sheet(HEADER, GOOD, row(model=first), name="one.tsv")
    two = sheet(HEADER, row(model="b", source="file:b"), row(model=twin), name="two.tsv")
    (fault,) = faults_of(one, two)
    assert fault.startswith(f"{two}, line 3, column model: duplicate id '{twin}'")
    assert fault.endswith(f"{one}, line 3")
    assert len(faults_of(one, one)) == 2


def test_all_faults_are_reported_together(sheet):
    path = sheet(HEADER, GOOD, row(model="../x", role="no", source="s"), row(sha256="1"))
    assert [fault.split(": ")[0] for fault in faults_of(path)] == [
        *(f"{path}, line 3, column {column}" for column in ("model", "role", "source")),
        f"{path}, line 4, column sha256",
    ]


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("model\tsource", "missing column 'role'"),
        ("model\tsource\trole\tcolour", "unknown column 'colour'"),
        ("model\tsource\trole\t", "unknown column ''"),
        ("model\tsource\trole\tsource", "repeated column 'source'"),
        ("\0\0\0", "missing column 'model'"),
        ("model,source,role", "missing column 'model', 'source', 'role'"),
    ],
)
def test_a_fault_in_the_header(sheet, header, message):
    path = sheet("", header, "a\tfile:x\ttrain")
    (fault,) = faults_of(path)
    assert fault.startswith(f"{path}, line 2: {message}")


@pytest.mark.parametrize("character", ["\x0b", "\x1c", "\x85", "\u2028"])
def test_lines_are_counted_as_editors_count_them(sheet, character):
    path = sheet(HEADER, GOOD, row(family=f"x{character}y"), row(model="/", source="file:x"))
    first, second = faults_of(path)
    assert first.startswith(f"{path}, line 3, column family: ")
    assert second.startswith(f"{path}, line 4, column model: ")


def test_more_cells_than_columns(sheet):
    path = sheet(HEADER, GOOD, row() + "\textra")
    assert faults_of(path)[0].startswith(f"{path}, line 3: 9 cells under 8 columns")


@pytest.mark.parametrize("lines", [(), ("# only a comment",), (HEADER,)])
def test_an_empty_sheet_is_named(sheet, lines):
    path = sheet(*lines)
    assert faults_of(path) == [f"{path}: the model sheet has no rows"]


def test_a_sheet_that_cannot_be_read(sheet, tmp_path):
    assert "absent.tsv: no such model sheet" in faults_of(tmp_path / "absent.tsv")[0]
    path = sheet(HEADER, GOOD, row(family="Ünet"), encoding="latin-1")
    assert faults_of(path)[0].startswith(f"{path}: not a readable UTF-8 model sheet")


def test_a_duplicate_is_skipped_and_so_is_what_was_never_released(sheet):
    same = {"source": "file:a", "role": "train"}
    rows = [row(model="b", duplicate_of="a", **same), row(model="a", **same)]
    rows += [row(model=name, source="none: never released ") for name in "cd"]
    # a network may be classified and compared as well
    rows += [row(model="e", source="file:a", role="compare")]
    reasons = [model.skipped for model in read_sheets([sheet(HEADER, *rows)])]
    assert reasons == ["the same checkpoint as a", "", "never released", "never released", ""]


@pytest.mark.parametrize(
    "other", [{"source": "none:never released", "role": "train"}, {"role": "classify"}]
)
def test_without_a_row_to_train_on(sheet, other):
    path = sheet(HEADER, row(), row(model="other", **{"source": "file:other"} | other))
    (fault,) = faults_of(path)
    assert fault.startswith(f"{path}, column role: no row is 'train'")


def test_the_bundled_sheet(repository):
    models = read_sheets([repository / "models" / "bundled.tsv"])
    assert [model.role for model in models] == ["train"] * 3
    assert all(model.source.startswith("package:") and model.sha256 for model in models)
