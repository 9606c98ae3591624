"""Versions that stand in two places are the same in both."""

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions, version

import pytest
import yaml

import kernel_atlas


def normal(name):
    """A package's name as registries compare it; conda calls torch pytorch."""
    name = re.sub(r"[-_.]+", "-", name).lower()
    return "torch" if name == "pytorch" else name


@pytest.fixture(scope="module")
def requirements(repository):
    lines = (repository / "requirements.txt").read_text().splitlines()
    return [line for line in lines if line and not line.startswith("#")]


@pytest.fixture(scope="module")
def pins(requirements):
    return {normal(name): pin for name, pin in (line.split("==") for line in requirements)}


def test_every_requirement_is_an_exact_pin(requirements):
    pattern = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*==[0-9][A-Za-z0-9.!+]*")
    assert [line for line in requirements if not pattern.fullmatch(line)] == []


def test_nothing_is_pinned_twice(requirements, pins):
    assert len(pins) == len(requirements)


def test_all_that_the_package_imports_is_pinned(repository, pins):
    project = tomllib.loads((repository / "pyproject.toml").read_text())["project"]
    names = {normal(re.split("[<>=]", line)[0]) for line in project["dependencies"]}
    assert names <= set(pins)


@pytest.fixture(scope="module")
def conda_pins(repository):
    environment = yaml.safe_load((repository / "envs" / "kernel-atlas.yaml").read_text())
    (from_pip,) = [item["pip"] for item in environment["dependencies"] if isinstance(item, dict)]
    lines = [line for line in environment["dependencies"] if isinstance(line, str)]
    from_conda = [line.split("=") for line in lines if line != "pip"]
    return {normal(name): pin for name, pin in from_conda + [line.split("==") for line in from_pip]}


def test_the_conda_environment_has_the_same_versions(conda_pins, pins):
    found = dict(conda_pins)
    assert found.pop("python").startswith("3.")
    assert found == {name: pins[name] for name in found}


def test_the_conda_environment_has_all_that_a_job_needs(repository, conda_pins):
    project = tomllib.loads((repository / "pyproject.toml").read_text())["project"]
    needed = {normal(re.split("[<>=]", line)[0]) for line in project["dependencies"]}
    assert needed - set(conda_pins) == {"snakemake"}  # it runs outside
    files = [*repository.glob("src/**/*.py"), *repository.glob("workflow/scripts/*.py")]
    nodes = [node for path in files for node in ast.walk(ast.parse(path.read_text("utf-8")))]
    modules = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    modules |= {node.module for node in nodes if isinstance(node, ast.ImportFrom)}
    names = {name.split(".")[0] for name in modules} - sys.stdlib_module_names - {"kernel_atlas"}
    distributions = packages_distributions()
    assert {normal(distributions[name][0]) for name in names} <= set(conda_pins)


def test_every_rule_has_the_conda_environment(repository):
    text = "\n".join(path.read_text("utf-8") for path in repository.glob("rules/*.smk"))
    rules = re.split(r"^(?:rule|checkpoint) (\w+):\n", text, flags=re.MULTILINE)[1:]
    assert len(rules) > 20
    for name, body in zip(rules[::2], rules[1::2], strict=True):
        assert '    conda:\n        "../envs/kernel-atlas.yaml"\n' in body, name


def test_the_installed_package_is_of_this_version():
    assert version("kernel-atlas") == kernel_atlas.__version__


def test_the_citation_names_this_version(repository):
    path = repository / "CITATION.cff"
    if not path.is_file():
        pytest.skip("no CITATION.cff yet")
    citation = yaml.safe_load(path.read_text())
    assert citation.get("version", kernel_atlas.__version__) == kernel_atlas.__version__
