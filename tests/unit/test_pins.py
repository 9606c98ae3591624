"""Versions that stand in two places are the same in both."""

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions, version

import pytest
import yaml

import kernel_atlas

PIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*==[0-9][A-Za-z0-9.!+]*")


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


@pytest.fixture(scope="module")
def needed(repository):
    """What pyproject.toml says that the package needs."""
    project = tomllib.loads((repository / "pyproject.toml").read_text())["project"]
    return {normal(re.split("[<>=]", line)[0]) for line in project["dependencies"]}


@pytest.fixture(scope="module")
def conda_pins(repository):
    environment = yaml.safe_load((repository / "envs/kernel-atlas.yaml").read_text())
    (from_pip,) = [item["pip"] for item in environment["dependencies"] if isinstance(item, dict)]
    lines = [line for line in environment["dependencies"] if isinstance(line, str)]
    from_conda = [line.split("=") for line in lines if line != "pip"]
    return {normal(name): pin for name, pin in from_conda + [line.split("==") for line in from_pip]}


def test_requirements_are_exact_and_complete(requirements, pins, needed):
    assert [line for line in requirements if not PIN.fullmatch(line)] == []
    assert len(pins) == len(requirements)
    assert needed <= set(pins)


def test_the_conda_environment_has_the_same_versions(conda_pins, pins):
    versions = {name: pin for name, pin in conda_pins.items() if name != "python"}
    assert versions == {name: pins[name] for name in versions}


def test_the_conda_environment_has_all_that_a_job_needs(repository, conda_pins, needed):
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
    # the others are targets without a job
    n_rules = len(re.findall(r"^ +script:$", text, re.MULTILINE))
    environments = re.findall(r'^ +conda:\n +"../envs/kernel-atlas.yaml"$', text, re.MULTILINE)
    assert n_rules == len(environments) > 10


def test_the_installed_package_is_of_this_version():
    assert version("kernel-atlas") == kernel_atlas.__version__
