"""One local ConvNeXt-base by the command and by hand, and what a process imports."""

from pathlib import Path

import numpy as np
from support.checkpoints import write_checkpoint, write_safetensors
from timing import make_table, race, run_process

from kernel_atlas.atlas import Atlas
from kernel_atlas.codebooks.codebook import N_CODES, Codebook
from kernel_atlas.family.templates import make_templates
from kernel_atlas.labels.table import Interval
from kernel_atlas.section import Section

NAME = "convnext_base.fb_in1k"
COMMAND = "from kernel_atlas.cli import main; main()"
READ = """
from kernel_atlas.checkpoints.depthwise import Depthwise
from kernel_atlas.checkpoints.read import read_checkpoint
from kernel_atlas.sources.schemes import locate
reading = read_checkpoint(locate("file:" + sys.argv[1]), Depthwise())
kernels = [layer.kernels for layer in reading.layers]
"""
STORE = """
from kernel_atlas.checkpoints.choice import Choice
from kernel_atlas.extraction.extract import Downloads, extract_kernels
group = sys.argv[1] + ".zarr/model"
nothing = Downloads("", 0, False)
extract_kernels("model", "file:" + sys.argv[1], "", Choice(), "", (), (), nothing, group)
"""
BY_TIMM = f"""
from kernel_atlas.sources.timm_import import import_timm
timm = import_timm()
import torch
network = timm.create_model("{NAME}", pretrained=False, checkpoint_path=sys.argv[1])
kernels = [
    module.weight.detach().numpy()[:, 0]
    for module in network.modules()
    if isinstance(module, torch.nn.Conv2d) and module.groups > 1
]
"""
IMPORTS = {
    "nothing": "",
    "numpy": "import numpy",
    "the library (`kernel_atlas`)": "import kernel_atlas",
    "the store": "import kernel_atlas.extraction.store",
    "classification": "import kernel_atlas.classes.classify",
    "figures, with matplotlib": "import kernel_atlas.figures.style",
    "training, with torch": "import kernel_atlas.codebooks.seeds",
    "timm": "from kernel_atlas.sources.timm_import import import_timm; import_timm()",
    "snakemake": "import snakemake.cli",
}


def time_network(folder: Path, n_runs: int, tiny: bool) -> str:
    """Table of whole processes that begin with a checkpoint of ConvNeXt-base, 354 MB.

    Of these, only the depthwise weights are not holes. The atlas has 10,000 codes for 7x7.
    """
    checkpoint, atlas = folder / "network.safetensors", folder / "k7.atlas"
    if tiny:
        weights = np.random.default_rng(0).normal(size=(24, 1, 7, 7)).astype(np.float32)
        write_safetensors(checkpoint, {"conv_dw.weight": ("F32", weights.shape, weights)})
    else:
        write_checkpoint(NAME, checkpoint)
    write_atlas(atlas)
    scripts = {
        "`kernel-atlas classify`": (COMMAND, "classify", checkpoint, "--atlas", atlas, "--json"),
        "read its kernels": (READ, checkpoint),
        "read them and write the group": (STORE, checkpoint),
        "build it with timm, load the file, take the kernels": (BY_TIMM, checkpoint),
        "`kernel-atlas --help`": (COMMAND, "--help"),
    }
    if tiny:
        scripts = dict(list(scripts.items())[:1])
    return _time_processes("process", scripts, n_runs)


def time_imports(n_runs: int, tiny: bool) -> str:
    """Table of processes that import something and end."""
    scripts = {name: (script,) for name, script in list(IMPORTS.items())[: 2 if tiny else None]}
    return _time_processes("imports", scripts, n_runs)


def _time_processes(what: str, scripts: dict[str, tuple], n_runs: int) -> str:
    ways = {name: lambda call=call: run_process(*call) for name, call in scripts.items()}
    rows = (
        (name, each.seconds, each.processor_seconds, each.result.megabytes)
        for name, each in race(ways, n_runs).items()
    )
    return make_table((what, "seconds", "CPU seconds", "memory at most, MB"), rows)


def write_atlas(path: Path) -> None:
    """An atlas of 7x7, by which few kernels with random weights are clustered."""
    section = Section(make_codebook(7), [Interval(0, 1, "on_centre")], 0.3)
    Atlas({7: section}).save(path)


def make_codebook(size: int) -> Codebook:
    """Codes that lead from member to member of the family, as far as trained ones: 30 to 40 rad."""
    members = np.array([kernel for _, kernel in make_templates(size)])
    members = members[np.linspace(0, len(members) - 1, 30).astype(int)]
    place = np.linspace(0, len(members) - 1, N_CODES)[:, None, None]
    first = np.minimum(place.astype(int), len(members) - 2)
    share = place - first
    codes = (1 - share) * members[first[:, 0, 0]] + share * members[first[:, 0, 0] + 1]
    return Codebook(codes.astype(np.float32))
