"""The model sheet: what is accepted, and where each fault is said to be."""

import pytest

from kernel_atlas.errors import AtlasError
from kernel_atlas.sheet import Model, read_sheets

HEADER = "model\tsource\tsha256\trole\tfamily\tpaper_table\tpaper_percent"
GOOD = "good\tfile:good.pth\t\ttrain\t\t\t"
SHA256 = "0123456789abcdef" * 4


def write(path, *lines, newline="\n", encoding="utf-8"):
    path.write_bytes((newline.join(lines) + newline).encode(encoding))
    return path


def row(**cells):
    """A good `classify` row with some cells changed."""
    default = {
        "model": "net", "source": "file:net.pth", "sha256": "", "role": "classify",
        "family": "", "paper_table": "", "paper_percent": "",
    }  # fmt: skip
    return "\t".join((default | cells).values())


def faults_of(*paths):
    with pytest.raises(AtlasError) as caught:
        read_sheets(paths)
    return str(caught.value).splitlines()


def test_reads_rows_in_order_with_defaults(tmp_path):
    path = write(
        tmp_path / "sheet.tsv",
        HEADER,
        row(model="a.b-c_1", sha256=SHA256.upper(), family="Net", paper_table="4",
            paper_percent="97.5"),
        GOOD,
    )  # fmt: skip
    assert read_sheets([path]) == [
        Model("a.b-c_1", "file:net.pth", "classify", SHA256, "Net", "", "4", "97.5"),
        Model("good", "file:good.pth", "train"),
    ]


def test_optional_columns_and_trailing_cells_may_be_absent(tmp_path):
    path = write(tmp_path / "s.tsv", "role\tmodel\tsource\tfamily", "train\tm\tpackage:p/x.pth")
    assert read_sheets([path]) == [Model("m", "package:p/x.pth", "train")]


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_what_editors_leave_is_accepted(tmp_path, newline, encoding):
    lines = ("# a comment", "", HEADER, "", "  ", "#off\tbad:source", GOOD, row(family="Ünet"), "")
    path = write(tmp_path / "s.tsv", *lines, newline=newline, encoding=encoding)
    assert [(m.model, m.family) for m in read_sheets([path])] == [("good", ""), ("net", "Ünet")]


@pytest.mark.parametrize(
    ("column", "cells", "detail"),
    [
        ("model", {"model": "../x"}, "'../x'"),
        ("model", {"model": "a/b"}, "'a/b'"),
        ("model", {"model": ".hidden"}, "'.hidden'"),
        ("model", {"model": "-option"}, "'-option'"),
        ("model", {"model": "two words"}, "'two words'"),
        ("model", {"model": "naïve"}, "'naïve'"),
        ("model", {"model": ""}, "''"),
        ("model", {"model": "x" * 101}, "'xxx"),
        ("role", {"role": "test"}, "'test' (known: train, classify, compare)"),
        ("role", {"role": ""}, "''"),
        ("source", {"source": "ftp://host/x.pth"}, "'ftp://host/x.pth' (known: file:, package:"),
        ("source", {"source": "x.pth"}, "'x.pth'"),
        ("source", {"source": "file:"}, "nothing follows"),
        ("source", {"source": ""}, "''"),
        ("sha256", {"sha256": "abc"}, "'abc'"),
        ("family", {"family": "all"}, "'all' is the name of the sum"),
        ("sha256", {"sha256": "g" * 64}, "'ggg"),
        ("sha256", {"sha256": SHA256 + "0"}, "64 hexadecimal"),
        ("paper_percent", {"paper_percent": "101", "paper_table": "3"}, "'101'"),
        ("paper_percent", {"paper_percent": "-1", "paper_table": "3"}, "'-1'"),
        ("paper_percent", {"paper_percent": "nan", "paper_table": "3"}, "'nan'"),
        ("paper_percent", {"paper_percent": "97 %", "paper_table": "3"}, "'97 %'"),
        ("paper_table", {"paper_percent": "97", "paper_table": "5"}, "'5'"),
        ("paper_table", {"paper_percent": "97"}, "''"),
    ],
)
def test_a_fault_in_a_row_is_one_line_with_sheet_line_and_column(tmp_path, column, cells, detail):
    path = write(tmp_path / "sheet.tsv", "# comment", HEADER, GOOD, row(**cells))
    (fault,) = faults_of(path)
    assert fault.startswith(f"{path}, line 4, column {column}: ")
    assert detail in fault


def test_an_id_of_100_characters_is_accepted(tmp_path):
    path = write(tmp_path / "s.tsv", HEADER, GOOD, row(model="x" * 100))
    assert len(read_sheets([path])) == 2


def test_a_newline_in_a_quoted_id_is_refused(tmp_path):
    path = write(tmp_path / "s.tsv", HEADER, GOOD, '"a\nb"\tfile:x\t\ttrain\t\t\t')
    assert f"{path}, line 3, column" in faults_of(path)[0]


@pytest.mark.parametrize(("first", "twin"), [("a", "a"), ("a", "A"), ("A", "a"), ("aB", "Ab")])
def test_a_duplicate_id_names_both_places(tmp_path, first, twin):
    rows = [row(model=first, role="train"), row(model="b", source="file:b"), row(model=twin)]
    path = write(tmp_path / "s.tsv", HEADER, *rows)
    (fault,) = faults_of(path)
    assert fault.startswith(f"{path}, line 4, column model: duplicate id '{twin}'")
    assert fault.endswith(f"{path}, line 2")


def test_a_duplicate_id_across_sheets(tmp_path):
    first = write(tmp_path / "first.tsv", HEADER, GOOD)
    second = write(tmp_path / "second.tsv", HEADER, row(), GOOD)
    (fault,) = faults_of(first, second)
    assert fault.startswith(f"{second}, line 3, column model: duplicate")
    assert fault.endswith(f"{first}, line 2")
    assert len(faults_of(first, first)) == 1


def test_all_faults_are_reported_together(tmp_path):
    path = write(
        tmp_path / "s.tsv", HEADER, GOOD, row(model="../x", role="no", source="s"), row(sha256="1")
    )
    places = [fault.split(": ")[0] for fault in faults_of(path)]
    assert places == [
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
        ("model,source,role", "missing column 'model', 'source', 'role'"),
    ],
)
def test_a_fault_in_the_header(tmp_path, header, message):
    path = write(tmp_path / "s.tsv", "", header, "a\tfile:x\ttrain")
    (fault,) = faults_of(path)
    assert fault.startswith(f"{path}, line 2: {message}")


@pytest.mark.parametrize("character", ["\x0b", "\x1c", "\x85", "\u2028"])
def test_lines_are_counted_as_editors_count_them(tmp_path, character):
    path = write(tmp_path / "s.tsv", HEADER, GOOD, row(family=f"x{character}y"), row(model="/"))
    first, second, *_ = faults_of(path)
    assert first.startswith(f"{path}, line 3, column family: ")
    assert second.startswith(f"{path}, line 4, column model: ")


def test_more_cells_than_columns(tmp_path):
    path = write(tmp_path / "s.tsv", HEADER, GOOD, row() + "\textra")
    (fault,) = faults_of(path)
    assert fault.startswith(f"{path}, line 3: 8 cells under 7 columns")


@pytest.mark.parametrize("lines", [(), ("# only a comment",), (HEADER,)])
def test_an_empty_sheet_is_named(tmp_path, lines):
    path = write(tmp_path / "s.tsv", *lines)
    (fault,) = faults_of(path)
    assert str(path) in fault
    assert "no rows" in fault


def test_an_empty_sheet_is_named_from_an_iterator_too(tmp_path):
    path = write(tmp_path / "s.tsv", HEADER)
    with pytest.raises(AtlasError, match=r"s\.tsv"):
        read_sheets(iter([path]))


def test_no_train_row(tmp_path):
    path = write(tmp_path / "s.tsv", HEADER, row())
    (fault,) = faults_of(path)
    assert "column role: no row is 'train'" in fault
    assert str(path) in fault


def test_no_such_sheet(tmp_path):
    (fault,) = faults_of(tmp_path / "absent.tsv")
    assert "absent.tsv: no such model sheet" in fault


def test_not_utf8(tmp_path):
    path = write(tmp_path / "s.tsv", HEADER, GOOD, row(family="Ünet"), encoding="latin-1")
    (fault,) = faults_of(path)
    assert fault.startswith(f"{path}: not a readable UTF-8 model sheet")


DUPLICATES = "model\tsource\trole\tsha256\tduplicate_of"
FIRST = "a\tfile:a\ttrain\t\t"


def test_a_duplicate_is_skipped_and_says_of_what(tmp_path):
    lines = ("b\tfile:a\ttrain\t\ta", FIRST, "c\tnone: never released \tclassify\t\t")
    rows = read_sheets([write(tmp_path / "s.tsv", DUPLICATES, *lines)])
    assert [row.skipped for row in rows] == ["the same checkpoint as a", "", "never released"]


@pytest.mark.parametrize(
    ("line", "column", "detail"),
    [
        ("b\tfile:a\tclassify\t\t", "source", "the checkpoint of model a again"),
        ("b\tfile:a\ttrain\t\tz", "duplicate_of", "'z' is no model of the sheet"),
        ("b\tfile:a\ttrain\t\tb", "duplicate_of", "'b' is a duplicate itself"),
        ("b\tfile:a\tclassify\t\ta", "duplicate_of", "not those of a"),
        ("b\tfile:b\ttrain\t\ta", "duplicate_of", "not those of a"),
        (f"b\tfile:a\ttrain\t{SHA256}\ta", "duplicate_of", "not those of a"),
    ],
)
def test_a_wrong_duplicate_names_its_line_and_column(tmp_path, line, column, detail):
    path = write(tmp_path / "s.tsv", DUPLICATES, FIRST, line)
    (fault,) = faults_of(path)
    assert fault.startswith(f"{path}, line 3, column {column}: ")
    assert detail in fault


def test_rows_that_were_never_released_may_share_the_reason(tmp_path):
    lines = (f"{model}\tnone:never released\tclassify\t\t" for model in "bc")
    assert len(read_sheets([write(tmp_path / "s.tsv", DUPLICATES, FIRST, *lines)])) == 3


def test_one_file_of_two_checksums_cannot_be(tmp_path):
    path = write(tmp_path / "s.tsv", DUPLICATES, FIRST, f"b\tfile:a\ttrain\t{SHA256}\t")
    (fault,) = faults_of(path)
    assert fault.startswith(f"{path}, line 3, column source: the checkpoint of model a again")


def test_a_network_may_be_classified_and_compared(tmp_path):
    path = write(tmp_path / "s.tsv", DUPLICATES, FIRST, "b\tfile:a\tcompare\t\t")
    assert [row.role for row in read_sheets([path])][1] == "compare"


@pytest.mark.parametrize("source", ["none:never released", "file:a"])
def test_a_skipped_row_is_nothing_to_train_on(tmp_path, source):
    path = write(tmp_path / "s.tsv", DUPLICATES, f"a\t{source}\tclassify\t\t",
                 "b\tnone:for another reason\ttrain\t\t")  # fmt: skip
    (fault,) = faults_of(path)
    assert "no row is 'train'" in fault


def test_the_bundled_sheet(repository):
    models = read_sheets([repository / "models" / "bundled.tsv"])
    assert len(models) == 3
    assert {model.role for model in models} == {"train"}
    assert all(model.source.startswith("package:") and model.sha256 for model in models)
