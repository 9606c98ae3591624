"""One line for each fault of the command's user."""

import pytest

from kernel_atlas.atlas import Atlas

BAD = {
    "no source": (["classify"], "Missing argument 'SOURCE'"),
    "an unknown command": (["clasify", "x"], "No such command 'clasify'"),
    "an unknown option": (["classify", "x", "--fast"], "No such option '--fast'"),
    "a missing file": (["classify", "missing.pth"], "no such file"),
    "an unknown scheme": (["classify", "ftp://a/b"], "nor is it a source"),
    "a malformed source": (["classify", "hf:a"], "does not have the form"),
    "no weights": (["classify", "none:lost"], "does not name a file"),
    "no checkpoint": (["classify", "{tmp}/notes.txt"], "notes.txt"),
    "an empty file": (["classify", "{tmp}/empty"], "empty"),
    "no atlas": (["classify", "{net}", "--atlas", "missing.atlas"], "missing.atlas"),
    "a broken atlas": (["classify", "{net}", "--atlas", "{net}"], "is not a complete atlas"),
    "a folder that is no run": (["classify", "{net}", "--atlas", "{tmp}"], "config.yaml"),
    "no folder for csv": (["classify", "{net}", "--csv", "{tmp}/no/a.csv"], "there is no folder"),
    "a folder for csv": (["classify", "{net}", "--csv", "{tmp}"], "is not a regular file"),
    "a device for csv": (["classify", "{net}", "--csv", "/dev/null"], "is not a regular file"),
    "a plot of text": (["classify", "{net}", "--plot", "{tmp}/a.txt"], "must end with"),
    "a wrong checksum": (["classify", "{net}", "--sha256", "0" * 64], "wrong checksum"),
    "nothing to export": (["export", "missing", "{tmp}/a.atlas"], "missing"),
    "a file to export": (["export", "{net}", "{tmp}/a.atlas"], "net.safetensors"),
    "no folder to export to": (["export", "{tmp}", "{tmp}/no/a.atlas"], "there is no folder"),
    "no atlas to tell of": (["info", "{tmp}/notes.txt"], "is not a complete atlas"),
    "no sheet": (["describe", "{tmp}/none.tsv"], "no such file"),
    "a malformed sheet": (["describe", "{tmp}/bad.tsv"], "missing column"),
}


@pytest.mark.parametrize(("arguments", "message"), BAD.values(), ids=BAD)
def test_a_fault_of_the_user_is_one_line(command, network, tmp_path, arguments, message):
    (tmp_path / "notes.txt").write_text("notes\n")
    (tmp_path / "empty").touch()
    (tmp_path / "bad.tsv").write_text("name\tfile\na\tb\n")
    before = sorted(tmp_path.iterdir())
    filled = [argument.format(tmp=tmp_path, net=network) for argument in arguments]
    assert message in command.refusal(*filled)
    assert sorted(tmp_path.iterdir()) == before


def test_what_cannot_be_written_is_found_before_any_work(command, network, monkeypatch, tmp_path):
    monkeypatch.setattr(Atlas, "load", lambda *_: pytest.fail("work was done"))
    for option in ("--csv", "--plot"):
        command.refusal("classify", network, option, tmp_path / "missing/a.png")


def test_a_system_error_is_one_line(command, network, monkeypatch):
    def fail(*_):
        raise PermissionError(13, "Permission denied", "/secret")

    monkeypatch.setattr(Atlas, "load", fail)
    assert command.refusal("classify", network) == "Error: /secret: Permission denied"
