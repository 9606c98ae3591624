"""Measure how far the kernels of the experiments moved from their start."""

from pathlib import Path

from kernel_atlas.experiments.movement import measure_movement
from kernel_atlas.jobs import logged

if __name__ == "__main__":
    with logged(snakemake.log[0]):
        measure_movement(
            path_to_checkpoints=snakemake.input.checkpoints,
            paths_to_groups=[Path(path).parent for path in snakemake.input.groups],
            paths_to_classes=snakemake.input.classes,
            sizes=snakemake.params.sizes,
            path_to_movement=snakemake.output.movement,
        )
