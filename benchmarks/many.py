"""What many models cost: a run over made-up networks in the shapes of the paper's.

Usage: python benchmarks/many.py [--models 95] [--cores 2] [--until RULE] [--stubs] [-- OPTION...]

Each model has the depthwise layers of a timm row of models/paper.tsv, with kernels made from the
DoG family with noise, in a local file; beyond the rows, the architectures come again with other
kernels. The first two of them are trained on, six epochs, one seed. Prints wall clock and
processor time of the run, of Snakemake's own process, of each rule, of a second run with nothing
to do, and of a third with one model more. OPTIONs are Snakemake's. With --stubs, the scripts are
replaced by ones that only touch their outputs: what remains is Snakemake's own work.
"""

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from itertools import islice
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
import yaml
from safetensors.numpy import save_file

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY / "tests"))

from support.checkpoints import depthwise_shapes
from support.known_kernels import draw_known_kernels

N_TRAIN = 2
POOL = 500  # kernels of each class that the layers draw from
NOISE = 0.35


def main(models: int, cores: int, until: str, stubs: bool, options: list[str]) -> None:
    """Write the models, run Snakemake three times, and print what it took."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        workflow = write_stubs(folder / "workflow") if stubs else REPOSITORY
        names = (write_empty_models if stubs else write_models)(folder, models + 1)
        config = {
            "sheets": ["sheet.tsv"],
            "autoencoder": {"epochs": 6, "refine_epochs": 0, "seeds": 1},
        }
        (folder / "config.yaml").write_text(yaml.safe_dump(config))
        if until:
            options = [*options, "--until", until]
        for what, rows in (("from nothing", -1), ("nothing to do", -1), ("one more", None)):
            write_sheet(folder, names[:rows])
            run(what, workflow, folder, cores, options)


def write_stubs(folder: Path) -> Path:
    """Copy the workflow, with scripts that only touch their outputs."""
    for part in ("rules", "workflow", "profiles", "envs"):
        shutil.copytree(REPOSITORY / part, folder / part)
    for file in ("Snakefile", "config.yaml", "src/kernel_atlas/__init__.py"):
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(REPOSITORY / file, folder / file)
    for rules in folder.glob("rules/*.smk"):
        text = re.sub(r"(workflow/scripts/\w+)\.py", r"\1.sh", rules.read_text())
        rules.write_text(text)
    for script in folder.glob("workflow/scripts/*.py"):
        script.with_suffix(".sh").write_text("touch ${snakemake_output[@]}\n")
    return folder


def write_empty_models(folder: Path, n_models: int) -> list[str]:
    """Write files that no stub will read."""
    names = [f"network_{index}.made-up" for index in range(n_models)]
    for name in names:
        (folder / f"{name}.safetensors").touch()
    return names


def write_models(folder: Path, n_models: int) -> list[str]:
    """Write the checkpoints, and say how many kernels of each size they have."""
    rng = np.random.default_rng(0)
    pools: dict[int, np.ndarray] = {}
    counts: dict[int, int] = defaultdict(int)
    names = []
    for name, shapes in islice(architectures(), n_models):
        number = sum(known.rpartition("-")[0] == name for known in names)
        names.append(f"{name}-{number}")
        weights = {}
        for layer, (n, _, size, _) in shapes.items():
            if size not in pools:
                pools[size] = draw_known_kernels(size, POOL, NOISE, rng)[0]
            weights[layer] = rng.choice(pools[size], n)[:, None]
            counts[size] += n
        save_file(weights, folder / f"{names[-1]}.safetensors")
    print(f"{n_models} models, kernels by size: {dict(counts)}", flush=True)
    return names


def architectures():
    """Names and depthwise shapes of the timm rows of models/paper.tsv, again and again."""
    sheet = pd.read_csv(REPOSITORY / "models/paper.tsv", sep="\t", comment="#")
    sources = sheet["source"][sheet["source"].str.startswith("timm:")].unique()
    built = {}
    while True:
        for source in sources:
            name = source.removeprefix("timm:").partition(".")[0]
            if name not in built:
                built[name] = depthwise_shapes(name)
            yield name, built[name]


def write_sheet(folder: Path, names: list[str]) -> None:
    """Write the sheet, of which the first models are trained on."""
    rows = [
        (name, f"file:{name}.safetensors", "train" if index < N_TRAIN else "classify")
        for index, name in enumerate(names)
    ]
    table = pd.DataFrame(rows, columns=["model", "source", "role"])
    table.to_csv(folder / "sheet.tsv", sep="\t", index=False)


def run(what: str, workflow: Path, folder: Path, cores: int, options: list[str]) -> None:
    """Run Snakemake, and print seconds of wall clock and of processor time."""
    command = [
        *(Path(sys.executable).with_name("snakemake"), "--snakefile", workflow / "Snakefile"),
        *("--directory", folder, "--configfile", folder / "config.yaml", "--cores", cores),
        *("--workflow-profile", workflow / "profiles/default", *options),
    ]
    started = time.time()
    before = children_seconds()
    with open(folder / "log", "w") as log:
        process = psutil.Popen([*map(str, command)], stdout=log, stderr=subprocess.STDOUT)
        own = 0.0
        while process.poll() is None:
            try:
                times = process.cpu_times()
                own = times.user + times.system
            except psutil.Error:
                break
            time.sleep(0.2)
        process.wait()
    if process.returncode:
        sys.exit((folder / "log").read_text()[-3000:])
    wall = time.time() - started
    print(f"\n{what}: {wall:.1f} s, processor {children_seconds() - before:.1f} s, ", end="")
    print(f"of it Snakemake's own process {own:.1f} s", flush=True)
    rules = rule_seconds(folder / "results/benchmarks", started)
    for rule, seconds in sorted(rules.items(), key=lambda item: -sum(item[1])):
        print(f"  {rule}: {len(seconds)} jobs, {sum(seconds):.1f} s")


def children_seconds() -> float:
    """Processor time of the processes that ended so far."""
    times = psutil.Process().cpu_times()
    return times.children_user + times.children_system


def rule_seconds(benchmarks: Path, since: float) -> dict[str, list[float]]:
    """Processor time of the jobs by rule, as far as Snakemake's clock for them sees it."""
    found = defaultdict(list)
    for path in benchmarks.rglob("*.tsv"):
        if path.stat().st_mtime >= since:
            rule = path.relative_to(benchmarks).with_suffix("").parts[0]
            seconds = pd.read_csv(path, sep="\t")["cpu_time"]
            found[rule] += pd.to_numeric(seconds, errors="coerce").fillna(0).tolist()
    return found


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", type=int, default=95)
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--until", default="")
    parser.add_argument("--stubs", action="store_true")
    parser.add_argument("options", nargs="*")
    arguments = parser.parse_args()
    main(**vars(arguments))
