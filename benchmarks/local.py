"""Read the kernels of a local ConvNeXt-base, against building the network with timm.

Usage: python benchmarks/local.py [--runs 5]

Each way is a whole process that ends with all depthwise kernels as numpy arrays; a third also
writes them to a store. The ways run in turn. Prints minimum and median of the wall seconds, the
peak of the resident memory, and the ratios.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY / "tests"))

from support.checkpoints import write_checkpoint

NAME = "convnext_base.fb_in1k"
END = """
import re
print(sum(map(len, kernels)), re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1])
"""
WAYS = {
    "kernel_atlas": """
import sys
from kernel_atlas.checkpoints.depthwise import Depthwise
from kernel_atlas.checkpoints.read import read_checkpoint
from kernel_atlas.sources.schemes import locate
reading = read_checkpoint(locate("file:" + sys.argv[1]), Depthwise())
kernels = [layer.kernels for layer in reading.layers]
""",
    "kernel_atlas, with its store": """
import sys
from kernel_atlas.checkpoints.choice import Choice
from kernel_atlas.extraction.extract import Downloads, extract_kernels
group = sys.argv[1] + ".zarr/model"
nothing = Downloads("", 0, False)
extract_kernels("model", "file:" + sys.argv[1], "", Choice(), "", (), (), nothing, group)
import json
table = json.load(open(group + "/zarr.json"))["attributes"]["layers"]
kernels = [range(row["n_kernels"]) for row in table]
""",
    "timm": f"""
import sys
from kernel_atlas.sources.timm_import import import_timm
timm = import_timm()
import torch
network = timm.create_model("{NAME}", pretrained=False, checkpoint_path=sys.argv[1])
kernels = [
    module.weight.detach().numpy()[:, 0]
    for module in network.modules()
    if isinstance(module, torch.nn.Conv2d) and module.groups > 1
]
""",
}


def main(n_runs: int) -> None:
    seconds: dict[str, list[float]] = {way: [] for way in WAYS}
    megabytes: dict[str, list[float]] = {way: [] for way in WAYS}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "convnext_base.safetensors"
        write_checkpoint(NAME, path)
        for _ in range(n_runs):
            for way, script in WAYS.items():
                started = time.perf_counter()
                output = subprocess.check_output([sys.executable, "-c", script + END, path])
                seconds[way].append(time.perf_counter() - started)
                n_kernels, peak_kb = map(int, output.split())
                megabytes[way].append(peak_kb / 1024)
                if n_kernels != 18048:
                    sys.exit(f"{way} read {n_kernels} kernels of 18048")
    for way in WAYS:
        print(
            f"{way:28}  {min(seconds[way]):5.2f} s at least, "
            f"{statistics.median(seconds[way]):5.2f} s in the median; "
            f"{statistics.median(megabytes[way]):6.1f} MiB"
        )
    for way in list(WAYS)[:-1]:
        speed = statistics.median(seconds["timm"]) / statistics.median(seconds[way])
        memory = statistics.median(megabytes["timm"]) / statistics.median(megabytes[way])
        print(f"{way}: {speed:.1f} times faster than timm, 1/{memory:.1f} of its memory")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=5)
    main(parser.parse_args().runs)
