"""Importing timm beside a torchvision that fits torch, and beside one that does not."""

import subprocess
import sys

import pytest

IMPORT_TWICE = """
from kernel_atlas.sources.timm_import import import_timm
assert import_timm() is import_timm()
assert import_timm().__name__ == "timm"
"""


def run(script, *folders):
    """A fresh interpreter in which warnings are errors and modules of `folders` come first."""
    paths = "".join(f"sys.path.insert(0, {str(folder)!r}); " for folder in folders)
    command = [sys.executable, "-W", "error", "-c", f"import sys; {paths}\n{script}"]
    return subprocess.run(command, capture_output=True, text=True)


@pytest.fixture
def stand_ins(tmp_path):
    """A function that writes a torchvision of this source, and a timm that imports it."""

    def write(torchvision):
        (tmp_path / "torchvision.py").write_text(torchvision)
        (tmp_path / "timm.py").write_text("import torchvision")
        return tmp_path

    return write


def test_the_installed_timm_builds_a_network():
    script = f"{IMPORT_TWICE}\nprint(import_timm().create_model('test_efficientnet').num_classes)"
    found = run(script)
    assert (found.stdout, found.stderr) == ("1000\n", "")


def test_nothing_is_declared_where_torchvision_fits(stand_ins):
    found = run(f"{IMPORT_TWICE}\nassert 'torch' not in sys.modules", stand_ins("good = True"))
    assert (found.returncode, found.stderr) == (0, "")


def test_the_operators_are_declared_where_it_does_not(stand_ins):
    # as torchvision does: a meta function for an operator that its library should have declared
    folder = stand_ins("import torch; torch.library.register_fake('torchvision::nms')(print)")
    found = run("import torchvision", folder)
    assert "operator torchvision::nms does not exist" in found.stderr
    found = run(IMPORT_TWICE, folder)
    assert (found.returncode, found.stderr) == (0, "")


@pytest.mark.parametrize(
    "error", ["RuntimeError('another fault')", "ModuleNotFoundError('no torchvision')"]
)
def test_another_fault_is_not_hidden(stand_ins, error):
    script = """
try:
    from kernel_atlas.sources.timm_import import import_timm
    import_timm()
except Exception as error:
    print(repr(error), "torch" in sys.modules)
"""
    assert run(script, stand_ins(f"raise {error}")).stdout == f"{error} False\n"
