"""What one more model costs: a timm: row is added to a finished run of the bundled sheet.

Usage: python benchmarks/added_row.py [--cores 2] [--name efficientnet_b0.ra_in1k]

Runs the workflow in a temporary directory, adds the row, and runs it again over a stand-in hub on
the loopback interface. Prints the seconds and the jobs of each run.
"""

import argparse
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY / "tests"))

from support.checkpoints import write_checkpoint
from support.hub import StandInHub, environment


def main(cores: int, name: str) -> None:
    with tempfile.TemporaryDirectory() as temporary, StandInHub() as hub:
        folder = Path(temporary)
        path = folder / "model.safetensors"
        write_checkpoint(name, path)
        hub.add_repo_file(f"timm/{name}", "model.safetensors", path)
        (folder / "models").mkdir()
        sheet = folder / "models/bundled.tsv"
        sheet.write_text((REPOSITORY / "models/bundled.tsv").read_text())
        environ = environment(hub, folder / "home")
        command = [
            Path(sys.executable).with_name("snakemake"),
            "--snakefile",
            REPOSITORY / "Snakefile",
            "--directory",
            folder,
            "--cores",
            str(cores),
        ]
        for text in ("", f"added\ttimm:{name}\tclassify\n"):
            header = next(
                line for line in sheet.read_text().splitlines() if line.startswith("model\t")
            )
            cells = dict(zip(("model", "source", "role"), text.split(), strict=False))
            if cells:
                row = "\t".join(cells.get(column, "") for column in header.split("\t"))
                sheet.write_text(sheet.read_text() + row + "\n")
            started = time.perf_counter()
            done = subprocess.run(
                command, cwd=folder, env=environ, text=True, capture_output=True, check=False
            )
            seconds = time.perf_counter() - started
            if done.returncode:
                sys.exit(done.stderr[-3000:])
            jobs = Counter(re.findall(r"Finished jobid: \d+ \(Rule: (\w+)\)", done.stderr))
            what = "one row added" if text else "the bundled sheet"
            print(f"{what}: {seconds:.1f} s, {jobs.total()} jobs: {dict(jobs)}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--name", default="efficientnet_b0.ra_in1k")
    arguments = parser.parse_args()
    main(arguments.cores, arguments.name)
