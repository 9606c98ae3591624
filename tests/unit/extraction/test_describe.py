"""What `describe` tells is what extraction then fetches and holds, without reading a kernel."""

import json
from dataclasses import asdict

import pandas as pd
import pytest
from huggingface_hub import hf_hub_download
from support.misbehaviour import status

from kernel_atlas.checkpoints.choice import Choice
from kernel_atlas.extraction.describe import describe_source, describe_sources
from kernel_atlas.sources.timm import Architecture, ArchitectureLayer

COUNTS = {7: 64, 5: 32, 3: 16}  # of the fixture `checkpoint`
HEADER_BYTES = 100_000


@pytest.fixture
def architectures(tmp_path, checkpoint):
    """What timm says of a model with the layers of `checkpoint`, and of an unknown name."""
    layers = tuple(
        ArchitectureLayer(name, name, kernels.shape[-1], len(kernels), 1, 1, 0)
        for name, kernels in checkpoint.kernels.items()
    )
    known = asdict(Architecture("a_model.a_tag", "hf:timm/a_model.a_tag", "1.0", layers))
    path = tmp_path / "timm.json"
    path.write_text(json.dumps({"a_model": known, "absent": {"error": "timm knows no 'absent'"}}))
    return [path]


@pytest.fixture
def describe(tmp_path, architectures):
    """A function that describes rows (source, role, why it is skipped): its table and its text."""

    def run(*rows, sizes=(3, 5, 7)):
        tsv, txt = tmp_path / "sources.tsv", tmp_path / "sources.txt"
        rows = [
            [f"net_{number}", source, "", role, skipped, "", "", ""]
            for number, (source, role, skipped) in enumerate(rows)
        ]
        describe_sources(rows, sizes, architectures, tsv, txt)
        return pd.read_csv(tsv, sep="\t", keep_default_na=False), txt.read_text(encoding="utf-8")

    return run


@pytest.mark.parametrize("kind", ["hf", "https", "timm"])
def test_safetensors_on_a_server(hub, serve, checkpoint, extraction, architectures, kind):
    hub.add_file("/net.safetensors", checkpoint.path)
    source = {"hf": serve(), "https": f"{hub.url}/net.safetensors", "timm": "timm:a_model"}[kind]
    found = describe_source(source, "", Choice(), False, architectures)
    asked = [request.range for request in hub.requests if request.method == "GET"]
    # no kernel, and for timm: rows nothing at all
    assert asked == ([] if kind == "timm" else ["bytes=0-99999"])
    assert found.kernels == COUNTS
    assert found.wire_bytes == HEADER_BYTES + sum(k.nbytes for k in checkpoint.kernels.values())
    facts = extraction.run(source, architectures=architectures)
    assert found.wire_bytes == pytest.approx(facts["bytes_read"], abs=64 * 1024 * 3)
    assert found.kernels == {row["kernel_size"]: row["n_kernels"] for row in facts["layers"]}


@pytest.mark.parametrize("place", ["hub", "address"])
def test_a_pickle_on_a_server_has_its_size_alone(hub, serve, pickle, extraction, place):
    source = serve("pytorch_model.bin", path=pickle.path, etag=pickle.sha256)
    if place != "hub":
        hub.add_file("/net.pth", pickle.path)
        source = f"{hub.url}/net.pth"
    found = describe_source(source, "", Choice(), False, [])
    assert (found.wire_bytes, found.kernels) == (len(pickle.content), None)
    assert found.note == "fetched whole; its kernels are known then"
    assert hub.bytes_sent.bodies < 1000
    assert extraction.run(source)["bytes_read"] == found.wire_bytes


def test_a_file_on_this_machine_costs_nothing(hub, serve, checkpoint, pickle):
    for path in (checkpoint.path, pickle.path):
        found = describe_source(f"file:{path}", "", Choice(), False, [])
        assert (found.wire_bytes, found.kernels) == (0, COUNTS)
    source = serve()
    hf_hub_download("timm/a_model.a_tag", "model.safetensors")
    hub.reset_counts()
    found = describe_source(source, "", Choice(), False, [])
    assert (found.wire_bytes, found.note) == (0, "in the hub's cache")
    assert hub.requests == []


def test_the_table_has_every_row_and_says_why_one_is_not_read(hub, serve, describe, waits):
    source = serve()
    hub.misbehave("absent.pth", status(500))
    table, text = describe(
        (source, "train", ""),
        (source, "train", "the same checkpoint as net_0"),
        ("none:never released", "classify", "never released"),
        ("timm:a_model", "classify", ""),
        ("timm:absent", "train", ""),
        (f"{hub.url}/absent.pth", "train", ""),
        (serve(repo="timm/a_regular"), "compare", ""),
    )
    assert table["model"].tolist() == [f"net_{number}" for number in range(7)]
    assert list(table.columns) == ["model", "role", "source", "wire_mb", "k3", "k5", "k7", "note"]
    assert table["k7"].tolist() == ["64", "0", "0", "64", "", "", ""]
    assert table["wire_mb"].tolist() == ["0.116", "0.000", "0.000", "0.116", "", "", ""]
    assert table["note"].tolist() == [
        "",
        "the same checkpoint as net_0",
        "never released",
        "",
        "fault: timm knows no 'absent'",
        "fault: absent.pth: the server answered 500",
        "a sample of its regular convolutions",
    ]
    assert "7 rows, 2 of them not extracted" in text
    assert "0.2 MB over the wire, and what 3 more will take" in text
    assert "kernels: 32 of 3x3, 64 of 5x5, 128 of 7x7" in text
    assert all(note in text for note in table["note"])


def test_sizes_that_are_not_measured_are_noted(serve, describe):
    table, _ = describe((serve(), "train", ""), sizes=(7,))
    assert table["note"].tolist() == ["3x3, 5x5: stored, but not measured"]
