"""Read depthwise kernels from a .safetensors file: its header and their bytes alone."""

import re
from pathlib import Path

from safetensors import SafetensorError, safe_open

from kernel_atlas.errors import AtlasError
from kernel_atlas.sources.checkpoint import Checkpoint, is_depthwise, make_layer

NUMPY_DTYPES = {"F16", "F32", "F64"}


def read_safetensors(path: Path) -> Checkpoint:
    """The depthwise layers in the order of their names, numbers counted as numbers.

    A header is sorted by name and does not tell the network's order.

    Raises
    ------
    AtlasError
        If the file is not whole.
    """
    try:
        with safe_open(path, framework="numpy") as file:
            dtypes = {
                name: part.get_dtype()
                for name in file.keys()  # noqa: SIM118, it is no dict
                if is_depthwise(tuple((part := file.get_slice(name)).get_shape()))
            }
        # torch is imported only for files that hold what numpy lacks, such as bfloat16
        framework = "numpy" if set(dtypes.values()) <= NUMPY_DTYPES else "pt"
        with safe_open(path, framework=framework) as file:
            weights = {name: file.get_tensor(name) for name in sorted(dtypes, key=_natural)}
        with path.open("rb") as binary:
            header_bytes = 8 + int.from_bytes(binary.read(8), "little")
    except (SafetensorError, OSError) as error:
        raise AtlasError(f"{path.name} is no whole safetensors file ({error})") from None
    bytes_read = header_bytes + sum(tensor.nbytes for tensor in weights.values())
    return Checkpoint([make_layer(*item) for item in weights.items()], bytes_read)


def _natural(name: str) -> list[tuple[int, str]]:
    """A sort key by which block.10 follows block.9."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", name)]
