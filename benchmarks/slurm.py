"""Thirty models on SLURM against `snakemake --cores 2`: submissions, seconds, equal tables.

Usage: tests/slurm/up.sh; python benchmarks/slurm.py [--models 30] [--epochs 5]; tests/slurm/down.sh

Runs the bundled sheet and models of made-up kernels from nothing to the last figure, once each
way, in two temporary directories. Exits with status 1 if tables differ, if the training did not run
on the gpu partition, or if there are more than 20 submissions.
"""

import argparse
import re
import sys
import tempfile
import time
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY / "tests"))

from support.slurm import SLURM, SlurmProject, ask_slurm, submissions

TABLES = ("tables/*", "classes/*/*", "labels/*", "autoencoder/*/*", "kmeans/*/*", "baselines/*")
MOST = 20


def main(n_models: int, epochs: int) -> None:
    bundled = REPOSITORY / "models/bundled.tsv"
    n_bundled = sum(line.startswith("efficientnet") for line in bundled.read_text().splitlines())
    with tempfile.TemporaryDirectory() as temporary:
        local = SlurmProject(Path(temporary) / "local")
        local.write_config(
            sheets=["models/bundled.tsv", "sheet.tsv"],
            autoencoder={"epochs": epochs, "batch_size": 512, "seeds": 1},
        )
        local.write_sheet()
        for index in range(n_models - n_bundled):
            layers = [(3, 240), (5, 240), (7, 240)]
            source = local.write_weights(f"standin{index}.safetensors", layers, seed=10 * index)
            local.add_rows((f"standin{index}", source, "train" if index < 2 else "classify"))
        cluster = local.copy(Path(temporary) / "cluster")
        for name, project, options in (("local", local, ()), ("SLURM", cluster, SLURM)):
            started = time.perf_counter()
            run = project.snakemake(*options, timeout=7200)
            print(
                f"{name}: {time.perf_counter() - started:.0f} s, {len(run.jobs)} jobs", flush=True
            )
            if run.returncode:
                sys.exit(run.output[-3000:])
        submitted = submissions(run)
        for name, number in submitted:
            job = ask_slurm("scontrol", "show", "job", number)
            facts = re.findall(r"(?:Partition|RunTime|TimeLimit|mem)=[^\s,]+", job)
            print(number, *facts, name)
            if name == "train_autoencoder" and "Partition=gpu" not in facts:
                sys.exit("the training was not on the gpu partition")
        print(f"{len(submitted)} submissions")
        ours, theirs = (project.contents(*TABLES) for project in (local, cluster))
        different = sorted(
            path for path in ours.keys() | theirs if ours.get(path) != theirs.get(path)
        )
        print(f"{len(ours)} tables; different: {different or 'none'}")
        if different or len(submitted) > MOST:
            sys.exit(1)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", type=int, default=30)
    parser.add_argument("--epochs", type=int, default=5)
    arguments = parser.parse_args()
    main(arguments.models, arguments.epochs)
