"""A codebook as bytes that deflate well, and back, bit by bit."""

import numpy as np


def pack(kernels: np.ndarray) -> bytes:
    """A codebook of shape (n, k, k) as bytes that deflate well: its rows change slowly."""
    floats = np.ascontiguousarray(kernels.reshape(len(kernels), -1).T)
    bits = floats.view(f"u{floats.itemsize}")
    steps = np.diff(bits, axis=1, prepend=np.zeros((len(bits), 1), bits.dtype))
    return np.ascontiguousarray(steps).view(np.uint8).reshape(-1, bits.itemsize).T.tobytes()


def unpack(content: bytes, shape: tuple[int, int, int], dtype: str) -> np.ndarray:
    """The codebook that `pack` packed, bit by bit."""
    item = np.dtype(dtype).itemsize
    steps = np.frombuffer(content, np.uint8).reshape(item, -1).T
    steps = np.ascontiguousarray(steps).view(f"u{item}").reshape(-1, shape[0])
    bits = np.cumsum(steps, axis=1, dtype=steps.dtype)
    return np.ascontiguousarray(bits.view(dtype).T).reshape(shape)
