"""Made images in folders, and small trainings on them."""

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

# A ConvMixer of 16 kernels on images of 8 x 8 pixels: a hundredth of a second per epoch.
ARM: dict[str, Any] = {
    "network": {
        "name": "ConvMixer",
        "arguments": {"dim": 8, "depth": 2, "kernel_size": 5, "patch_size": 2},
    },
    "image_size": 8,
    "epochs": 3,
    "keep": [1],
    "batch_size": 8,
    "learning_rate": 0.01,
    "seeds": 1,
    "device": "cpu",
}


def write_images(folder: Path, per_class: int = 10) -> str:
    """Write images of two classes, darker and lighter noise; returns the arm's `data`."""
    rng = np.random.default_rng(0)
    for part in ("train", "val"):
        for name, brightness in (("dark", 100), ("light", 250)):
            (folder / part / name).mkdir(parents=True)
            for index in range(per_class):
                pixels = rng.integers(0, brightness, (8, 8, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(folder / part / name / f"{index}.png")
    return f"folder:{folder}"
