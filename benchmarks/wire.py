"""What the paper's timm checkpoints cost over the wire, in their real shapes on a stand-in hub.

Usage: python benchmarks/wire.py [--delay-ms 0 50] [--cores 2] [--sheet models/paper.tsv]

Writes each checkpoint as a sparse file: 25 GB that take hardly any disk, since only the depthwise
weights are written, with random values. Serves them on the loopback interface as the hub does, and
lets Snakemake extract all of them. Compares every kernel in the store with the files, bit by bit.
Prints one line per delay: bytes, requests, seconds.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY / "tests"))

from support.checkpoints import write_checkpoint
from support.hub import StandInHub, environment

from kernel_atlas.checkpoints.layer import Layer, join_splits, layer_name
from kernel_atlas.extraction.store import read_kernels
from kernel_atlas.sheet import read_sheets
from kernel_atlas.sources.timm_import import import_timm

SHEET = "model\tsource\trole\n"


def main(delays_ms: list[float], cores: int, sheet: Path) -> None:
    of_timm = [row for row in read_sheets([sheet]) if row.source.startswith("timm:")]
    rows = [row for row in of_timm if not row.skipped and is_in_timms_repository(row.source)]
    print(f"{len(rows)} of {len(of_timm)} rows have their weights in timm's own repositories")
    with tempfile.TemporaryDirectory() as temporary, StandInHub() as hub:
        folder = Path(temporary)
        weights = {}
        for row in rows:
            name = row.source.removeprefix("timm:")
            path = folder / f"{name}.safetensors"
            weights[row.model] = write_checkpoint(name, path)
            hub.add_repo_file(f"timm/{name}", "model.safetensors", path)
        size = sum(path.stat().st_size for path in folder.glob("*.safetensors"))
        disk = sum(path.stat().st_blocks * 512 for path in folder.glob("*.safetensors"))
        print(f"{len(rows)} checkpoints, {size / 1e9:.2f} GB ({disk / 1e9:.2f} GB on disk)")
        for delay_ms in delays_ms:
            project = folder / f"project-{delay_ms:g}"
            project.mkdir()
            lines = [f"{row.model}\t{row.source}\ttrain\n" for row in rows]
            (project / "sheet.tsv").write_text(SHEET + "".join(lines))
            hub.delay_s = delay_ms / 1000
            hub.reset_counts()
            started = time.perf_counter()
            extract(project, cores, environment(hub, folder / "home"))
            seconds = time.perf_counter() - started
            sent = hub.bytes_sent
            kinds = Counter((request.server, request.method) for request in hub.requests)
            print(
                f"delay {delay_ms:g} ms, {cores} cores: {seconds:.1f} s; "
                f"{sent.bodies / 1e6:.1f} MB in bodies ({100 * sent.bodies / size:.3f} %), "
                f"{sent.heads / 1e6:.2f} MB in heads "
                f"({100 * (sent.bodies + sent.heads) / size:.3f} % together); "
                f"{len(hub.requests)} requests {dict(kinds)}"
            )
            compare(project, weights)


def is_in_timms_repository(source: str) -> bool:
    """Whether timm loads a row's weights from ``timm/NAME`` on the hub, as they are served here."""
    name = source.removeprefix("timm:")
    config = import_timm().models.get_pretrained_cfg(name)
    return config is None or config.hf_hub_id == f"timm/{name}"


def extract(project: Path, cores: int, environ: dict[str, str]) -> None:
    """Run the extraction of all models, as a user does."""
    command = [
        Path(sys.executable).with_name("snakemake"),
        "--snakefile",
        REPOSITORY / "Snakefile",
        "--directory",
        project,
        "--cores",
        str(cores),
        "--config",
        'sheets=["sheet.tsv"]',
        "--until",
        "extract_kernels",
    ]
    log = project / "log.txt"
    with log.open("w") as output:
        done = subprocess.run(command, stdout=output, stderr=output, env=environ, check=False)
    if done.returncode:
        sys.exit(log.read_text()[-3000:])


def compare(project: Path, weights: dict[str, dict[str, np.ndarray]]) -> None:
    """Exit unless the store has the same kernels as the files, bit by bit and layer by layer."""
    n_kernels = 0
    for model, expected in weights.items():
        # the first name of a module that is used in several places
        unique = {weight.tobytes(): name for name, weight in reversed(expected.items())}
        layers = [Layer(layer_name(name), expected[name][:, 0]) for name in unique.values()]
        for layer in join_splits(sorted(layers, key=lambda layer: layer.name)):
            group = project / "results/kernels.zarr" / model
            stored = read_kernels(group, layer.kernels.shape[-1])
            found = stored.kernels[stored.layer == stored.layer_names.index(layer.name)]
            if found.tobytes() != layer.kernels.tobytes():
                sys.exit(f"{model}: {layer.name} differs from the file")
            n_kernels += len(found)
    print(f"  {n_kernels:,} kernels of {len(weights)} models equal to the files', bit by bit")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--delay-ms", type=float, nargs="+", default=[0.0, 50.0])
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--sheet", type=Path, default=REPOSITORY / "models/paper.tsv")
    arguments = parser.parse_args()
    os.chdir(REPOSITORY)
    main(arguments.delay_ms, arguments.cores, arguments.sheet)
