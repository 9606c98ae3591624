"""A sheet of timm's models: what the command writes, and what it refuses."""

import re
from collections import Counter
from pathlib import Path

import pytest

from kernel_atlas import zoo
from kernel_atlas.sheet import read_sheets
from kernel_atlas.sources.timm import resolve
from kernel_atlas.sources.timm_import import import_timm

BUNDLED = Path(__file__).parents[3] / "models/bundled.tsv"
# all but the last have depthwise kernels
SMALL = ["test_convnext", "test_efficientnet", "mobilenetv3_small_050", "test_resnet"]


def arguments(*patterns):
    """The arguments that ask for these patterns."""
    return ["sheet", *(part for pattern in patterns for part in ("--timm", pattern))]


def test_a_sheet_has_every_model_with_depthwise_kernels(command, tmp_path):
    path = tmp_path / "zoo.tsv"
    outcome = command(*arguments(*SMALL), "-o", path)
    assert (outcome.status, outcome.stderr) == (0, "")
    rows = read_sheets([BUNDLED, path])[3:]  # as config.yaml takes them
    assert {row.model: row.family for row in rows} == {
        "mobilenetv3_small_050.lamb_in1k": "mobilenetv3",
        "test_convnext.r160_in1k": "convnext",
        "test_efficientnet.r160_in1k": "efficientnet",
    }
    assert all(row.source == f"timm:{row.model}" for row in rows)
    assert {row.role for row in rows} == {"classify"}
    assert "3 models (3 architectures) with depthwise kernels" in outcome.stdout
    assert "1 model (1 architecture) without" in outcome.stdout


def test_comments_count_the_kernels_of_each_size(command):
    outcome = command(*arguments(*SMALL), "--role", "train")
    lines = outcome.stdout.splitlines()
    totals = Counter()
    for row in (line.split("\t") for line in lines if "\ttimm:" in line):
        expected = Counter()
        for layer in resolve(row[0]).layers:
            expected[layer.kernel_size] += layer.n_kernels
        counts = ", ".join(f"{size}x{size} {n:,}" for size, n in sorted(expected.items()))
        assert lines[lines.index("\t".join(row)) - 1] == f"# {row[0].split('.')[0]}: {counts}"
        assert row[2] == "train"
        totals += expected
    for size, n in totals.items():
        assert any(line.startswith(f"# {size}x{size}: {n:,} kernels") for line in lines)
    assert set(totals) == {3, 5, 7}


def test_all_tags_of_an_architecture_are_listed_and_it_is_built_once(command, monkeypatch):
    built = []

    def count(name):
        built.append(name)
        return {7: 1000}

    monkeypatch.setattr(zoo, "count_kernels", count)
    outcome = command(*arguments("convnext_tiny"))
    names = import_timm().list_models("convnext_tiny", pretrained=True)
    assert re.findall(r"^(\S+)\ttimm:", outcome.stdout, re.MULTILINE) == names
    assert len(names) > 5
    assert built == ["convnext_tiny"]


def test_the_tags_of_an_architecture_build_the_same_layers():
    """What a tag changes in a network, the number of classes apart, is equal for all of them."""
    timm = import_timm()
    sizes = {}
    for name in timm.list_models(pretrained=True):
        config = timm.models.get_pretrained_cfg(name)
        size = config.input_size[0 : 3 if config.fixed_input_size else 1]
        assert sizes.setdefault(config.architecture, size) == size, name


def test_a_model_that_cannot_be_built_is_named_and_the_others_are_listed(command, monkeypatch):
    create_model = import_timm().create_model

    def fail(name, **options):
        if name == "test_efficientnet":
            raise ValueError("no such\nthing")
        return create_model(name, **options)

    monkeypatch.setattr(import_timm(), "create_model", fail)
    outcome = command(*arguments("test_convnext", "test_efficientnet"))
    assert outcome.status == 0
    reason = r"ValueError: no such\nthing"
    assert outcome.stderr == f"WARNING: timm cannot build test_efficientnet: {reason}\n"
    assert f"# test_efficientnet: timm cannot build it ({reason})\n" in outcome.stdout
    assert "1 model (1 architecture) that timm cannot build" in outcome.stdout
    assert outcome.stdout.count("\ttimm:") == 1


@pytest.mark.slow  # each process imports timm
def test_several_processes_count_as_one_does(monkeypatch):
    names = ["test_convnext", "test_resnet"]
    alone = zoo.survey(names)
    monkeypatch.setattr(zoo, "MODELS_PER_PROCESS", 1)
    monkeypatch.setattr(zoo, "CHUNK", 1)
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0, 1})
    assert zoo.survey(names) == alone


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["sheet"], "Missing option '--timm'"),
        (arguments("convnexd_tiny"), "named convnexd_tiny .*similar: convnext_tiny"),
        (arguments(""), "no pretrained model named ''"),
        (arguments("*.no_such_tag"), "no pretrained model named '*.no_such_tag'"),
        (arguments("test_resnet"), "named test_resnet has depthwise kernels"),
        ([*arguments("x"), "--role", "compare"], "'compare' is not one of"),
        ([*arguments("x"), "-o", "no/folder.tsv"], "there is no folder"),
    ],
)
def test_what_cannot_be_listed_is_one_line(command, monkeypatch, tmp_path, given, message):
    monkeypatch.chdir(tmp_path)
    assert re.search(message.replace("'*", r"'\*"), command.refusal(*given))


def test_nothing_is_written_without_rows(command, tmp_path):
    path = tmp_path / "zoo.tsv"
    path.write_text("mine\n")
    command.refusal(*arguments("test_resnet"), "-o", path)
    assert path.read_text() == "mine\n"
