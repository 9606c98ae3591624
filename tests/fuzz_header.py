"""Fuzz the reader of .safetensors headers for some seconds: python tests/fuzz_header.py 60

hypothesis makes headers, valid or nearly so; our reader and the format's own library read
each of them. It shows any difference, and any exception except AtlasError, in the smallest form,
and remembers it in .hypothesis/ for the next run.
"""

import json
import sys
import tempfile
import time
from pathlib import Path

from hypothesis import HealthCheck, settings, strategies
from hypothesis import given as draw
from safetensors import SafetensorError, safe_open

from kernel_atlas.checkpoints.header import DTYPE_BITS, read_header
from kernel_atlas.errors import AtlasError
from kernel_atlas.sources.local import LocalFile

DTYPES = [*DTYPE_BITS, "F128", "f32", ""]
N_BYTES = 64  # of all tensors, at most
EXAMPLES = 1_000

lengths = strategies.one_of(
    strategies.integers(0, N_BYTES), strategies.sampled_from([-1, 2**63, 2**64 - 1, 2**64, 10**40])
)
# what a header may hold in any place
anything = strategies.recursive(
    strategies.none() | strategies.booleans() | strategies.floats() | lengths | strategies.text(),
    lambda inner: strategies.lists(inner) | strategies.dictionaries(strategies.text(), inner),
    max_leaves=8,
)


@strategies.composite
def whole_headers(draw_one):
    """Entries of tensors, most without gap or overlap, in any order, and the bytes they fill."""
    entries, end = {}, 0
    for name in draw_one(strategies.lists(strategies.text(), max_size=4, unique=True)):
        dtype = draw_one(strategies.sampled_from(DTYPES))
        shape = draw_one(strategies.lists(strategies.integers(0, 4), max_size=4))
        n_bits = DTYPE_BITS.get(dtype, 8)
        for length in shape:
            n_bits *= length
        end += draw_one(strategies.sampled_from([0] * 19 + [1]))  # rarely a gap
        offsets = [end, end + n_bits // 8]
        entries[name] = {"dtype": dtype, "shape": shape, "data_offsets": offsets}
        end += n_bits // 8
    if draw_one(strategies.booleans()):
        entries["__metadata__"] = draw_one(
            strategies.dictionaries(strategies.text(), strategies.text(), max_size=2)
        )
    order = draw_one(strategies.permutations(list(entries)))
    return {name: entries[name] for name in order}, end


@strategies.composite
def files(draw_one):
    """The bytes of a file, some with a part of the header changed."""
    header, n_bytes = draw_one(whole_headers())
    if header and draw_one(strategies.booleans()):
        name = draw_one(strategies.sampled_from(list(header)))
        if header[name] and draw_one(strategies.booleans()):
            key = draw_one(strategies.sampled_from(list(header[name])))
            header[name] = {**header[name], key: draw_one(anything | strategies.lists(lengths))}
        else:
            header[name] = draw_one(anything)
    text = json.dumps(header, ensure_ascii=draw_one(strategies.booleans())).encode(
        "utf-8", "surrogatepass"
    )
    if draw_one(strategies.booleans()):
        start = draw_one(strategies.integers(0, len(text)))
        stop = draw_one(strategies.integers(start, min(len(text), start + 4)))
        text = text[:start] + draw_one(strategies.binary(max_size=4)) + text[stop:]
    length = len(text)
    if draw_one(strategies.integers(0, 9)) == 0:
        length = draw_one(strategies.integers(0, 2**64 - 1) | strategies.integers(0, length + 16))
        n_bytes = draw_one(strategies.integers(0, N_BYTES))
    return length.to_bytes(8, "little") + text + bytes(n_bytes)


def library_shapes(path):
    """The shapes of a file's tensors as the format's library reads them, or None if it refuses."""
    try:
        with safe_open(path, "np") as file:
            return {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118
    except SafetensorError:
        return None


def our_shapes(path):
    """The shapes as we read them, or None if we refuse."""
    try:
        return {name: tensor.shape for name, tensor in read_header(LocalFile(path)).items()}
    except AtlasError:
        return None


def check(path, content):
    """Fail unless we and the library read the same from a file, or both refuse it."""
    path.write_bytes(content)
    assert our_shapes(path) == library_shapes(path)


def fuzz(seconds):
    """Fuzz for this long; returns how many files were made, and how many of them were read."""
    path = Path(tempfile.mkdtemp()) / "net.safetensors"
    counts = {"made": 0, "read": 0}

    @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
    @draw(files())
    def check_one(content):
        check(path, content)
        counts["made"] += 1
        counts["read"] += our_shapes(path) is not None

    end = time.monotonic() + seconds
    while time.monotonic() < end:
        check_one()
    return counts


if __name__ == "__main__":
    found = fuzz(float(sys.argv[1]))
    print(f"{found['made']:,} headers, {found['read']:,} of them read: no difference")
