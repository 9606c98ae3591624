"""The wheel, installed where there is no repository, classifies with its own atlas."""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import venv

import pytest
import torch
from support.project import REPOSITORY, make_weights

FENCE = re.compile(r"```python\n(.*?)```", re.DOTALL)

pytestmark = pytest.mark.slow  # builds a wheel and an environment


def run(*command, cwd, **variables):
    """Run a command without this repository in its path; what it prints."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [*map(str, command)],
        cwd=cwd,
        env=kept | variables,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The folder of programs of a new environment that has the wheel."""
    folder = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]  # the new one has none
    # from a copy: setuptools would leave its build in the repository
    source = folder / "source"
    shutil.copytree(REPOSITORY / "src", source / "src")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(REPOSITORY / name, source)
    run(*pip, "wheel", "--no-deps", "--no-build-isolation", "-w", folder, source, cwd=folder)
    (wheel,) = folder.glob("*.whl")
    venv.create(folder / "venv", symlinks=True)
    programs = folder / "venv/bin"
    python = programs / "python"
    run(*pip, "--python", python, "install", "--no-deps", "--no-index", wheel, cwd=folder)
    # what it needs, without another download: as a plain path, it brings no editable install
    (site_packages,) = (folder / "venv").glob("lib/*/site-packages")
    (site_packages / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    where = run(python, "-c", "import kernel_atlas; print(kernel_atlas.__file__)", cwd=folder)
    assert where.startswith(str(site_packages))
    return programs


@pytest.fixture
def network(tmp_path):
    """A checkpoint in the working directory: my_network.pth."""
    weights = make_weights([(3, 24), (5, 36)], seed=1)
    state = {name: torch.from_numpy(array) for name, array in weights.items()}
    torch.save(state, tmp_path / "my_network.pth")
    return tmp_path / "my_network.pth"


def test_the_command_classifies(installed, network):
    text = run(installed / "kernel-atlas", "classify", network.name, cwd=network.parent)
    assert "comes with kernel-atlas (3x3, 5x5; " in text
    assert re.search(r"^5x5 +36 +0 ", text, re.MULTILINE)


def test_its_requirements_are_met(installed, tmp_path):
    pip = [sys.executable, "-m", "pip", "--python", installed / "python"]
    assert "No broken requirements" in run(*pip, "check", cwd=tmp_path)


@pytest.mark.parametrize("page", ["README.md", "docs/command.md"])
def test_the_examples_of_the_pages_run(installed, network, page):
    text = (REPOSITORY / page).read_text(encoding="utf-8")
    (example, *_) = FENCE.findall(text)
    script = f"{example}\nprint(len(result.kernels))"
    assert run(installed / "python", "-c", script, cwd=network.parent).split()[-1] == "60"
