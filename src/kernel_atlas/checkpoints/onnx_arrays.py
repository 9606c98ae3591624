"""Read a stored tensor of an ONNX model, with the steps from it to a value of the graph."""

import warnings
from pathlib import Path

import numpy as np
import onnx
from onnx.external_data_helper import ExternalDataInfo, uses_external_data

from kernel_atlas.checkpoints.onnx_values import INTEGER_RANGES, Step, Stored
from kernel_atlas.errors import AtlasError, one_line


def read(stored: Stored, folder: Path, layer: str) -> np.ndarray:
    """The values, in the type that the graph gives them.

    Parameters
    ----------
    folder : Path
        Where external data lies: the model's own folder.
    layer : str
        For messages.

    Raises
    ------
    AtlasError
        If they are damaged, or in a file that is missing or outside the folder.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # unknown settings of external data
            return _array(stored, folder, layer)
    except (ValueError, TypeError, KeyError, OSError, onnx.checker.ValidationError) as error:
        raise AtlasError(f"layer {layer}: its weight cannot be read ({one_line(error)})") from None


def _array(stored: Stored, folder: Path, layer: str) -> np.ndarray:
    if uses_external_data(stored.tensor):
        _check_location(ExternalDataInfo(stored.tensor).location, folder, layer)
    array = onnx.numpy_helper.to_array(stored.tensor, str(folder))
    for step in stored.steps:
        array = _apply(step, array, folder, layer)
    return array


def _apply(step: Step, array: np.ndarray, folder: Path, layer: str) -> np.ndarray:
    if step.scale is None:
        with np.errstate(over="ignore"):  # an overflow is infinite and reported as such
            return array.astype(step.dtype)
    scale = _along(step.scale, step.axis, array, folder, layer)
    zero: np.ndarray | np.float32 = np.float32(0)
    if step.zero_point:
        zero = _along(step.zero_point, step.axis, array, folder, layer)
    with np.errstate(all="ignore"):  # likewise
        if step.operator == "QuantizeLinear":
            low, high = INTEGER_RANGES[step.dtype]
            return np.clip(np.rint(array.astype(np.float32) / scale) + zero, low, high)
        return ((array.astype(np.float32) - zero) * scale).astype(step.dtype)


def _along(
    part: Stored, axis: int, array: np.ndarray, folder: Path, layer: str
) -> np.ndarray | np.float32:
    """A scale or zero point as float32 that fits the array: one number, or one per index."""
    numbers = _array(part, folder, layer).astype(np.float32)
    if numbers.size == 1:
        return np.float32(numbers.reshape(()))
    shape = [1] * array.ndim
    shape[axis] = -1
    if not -array.ndim <= axis < array.ndim or numbers.size != array.shape[axis]:
        raise ValueError(f"{numbers.size} scales for a weight of shape {array.shape}")
    return numbers.reshape(shape)


def _check_location(location: str, folder: Path, layer: str) -> None:
    """Refuse external data that is missing or outside the model's folder."""
    path = folder / location
    if not path.resolve().is_relative_to(folder.resolve()):
        raise AtlasError(
            f"layer {layer}: its weight is in {one_line(location)}, outside the model's folder, "
            "and is not read; put the file itself beside the model, not a link to it"
        )
    if not path.is_file():
        raise AtlasError(
            f"layer {layer}: its weight is in {one_line(location)}, which is missing; "
            "put that file beside the model"
        )
