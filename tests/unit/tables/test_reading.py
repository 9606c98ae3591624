"""Names stay as they are written, and only an empty cell is missing."""

from kernel_atlas.tables.reading import read_table


def test_models_called_na_or_a_number_keep_their_names(tmp_path):
    path = tmp_path / "table.tsv"
    path.write_text("model\tfamily\tn\nNA\t\t1\n007\tnull\t\n", encoding="utf-8")
    table = read_table(path, ["model", "family", "n"])
    assert list(table["model"]) == ["NA", "007"]
    assert list(table["family"].isna()) == [True, False]
    assert list(table["n"].isna()) == [False, True]
