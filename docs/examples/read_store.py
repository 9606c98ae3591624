"""Read a kernel store with zarr and numpy alone, without the kernel_atlas package.

Usage: python read_store.py results/kernels.zarr [MODEL]

Lists every model with its kernels per size. Then, for MODEL or for the first model with
kernels, shows the layer table and the first kernel of the first layer.
"""

import sys

import numpy as np
import zarr


def main(path_to_store: str, model: str | None = None) -> None:
    store = zarr.open_group(path_to_store, mode="r")
    models = dict(sorted(store.groups()))
    for name, group in models.items():
        if "failed" in group.attrs:
            print(f"{name}: not extracted ({group.attrs['failed']})")
            continue
        sizes = {size: subgroup["kernels"].shape[0] for size, subgroup in sorted(group.groups())}
        print(f"{name}: " + ", ".join(f"{n} kernels of {size}" for size, n in sizes.items()))

    model = model or next(name for name, group in models.items() if group.attrs["layers"])
    group = models[model]
    if group.attrs["encoding-type"] != "kernel-atlas-model" or group.attrs["encoding-version"] != 2:
        raise SystemExit(f"{model} has an encoding that this example does not know")

    print(f"\n{model}, read from {group.attrs['source']}")
    for layer in group.attrs["layers"]:
        size = layer["kernel_size"]
        print(f"{layer['index']:4d}  {layer['name']}: {layer['n_kernels']} kernels, {size}x{size}")

    # the kernels of a size are those of its layers, one layer after the other
    first = group.attrs["layers"][0]
    kernels = group[f"k{first['kernel_size']}/kernels"][: first["n_kernels"]]
    print(f"\n{first['name']}: {kernels.dtype} array of shape {kernels.shape}; channel 0 is")
    print(np.array2string(kernels[0], precision=3, suppress_small=True))


if __name__ == "__main__":
    if not 2 <= len(sys.argv) <= 3:
        raise SystemExit(__doc__)
    main(*sys.argv[1:])
