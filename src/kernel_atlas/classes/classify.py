"""Classify the kernels of one model: nearest code, dissimilarity, class (Section 4.2)."""

import logging
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from kernel_atlas.classes.classifier import Classifier
from kernel_atlas.classes.columns import measure
from kernel_atlas.classes.controls import Row, sweep_thresholds, write_controls
from kernel_atlas.classes.writing import write_classes
from kernel_atlas.extraction import store
from kernel_atlas.family.names import DEAD

logger = logging.getLogger(__name__)


def classify_kernels(
    path_to_group: str | Path,
    classifiers: Mapping[int, Classifier],
    paths_to_baselines: Mapping[int, str | Path],
    paths_to_classes: Mapping[int, str | Path],
    path_to_controls: str | Path,
) -> None:
    """Measure all kernels of a model and its controls by both rulers.

    The mappings' keys are kernel sizes. A size that the model lacks gives an empty table.

    Parameters
    ----------
    path_to_group : path
        The model's group in the store.
    classifiers : mapping
        From `section.read_classifiers`, for example; with an empty codebook where a size has none.
    paths_to_baselines : mapping
        What `fit_baselines` wrote.
    paths_to_classes : mapping
        Written: Parquet, one row per kernel (docs/results.md).
    path_to_controls : path
        Written: tab-separated; for each size, method, control and threshold, the number
        of live kernels and how many of them are below it (docs/results.md).
    """
    name = Path(path_to_group).name
    controls: list[Row] = []
    for size, classifier in classifiers.items():
        stored = store.read_kernels(path_to_group, size)
        if len(stored.kernels) and not len(classifier.codebook):
            logger.info(
                f"model {name}: its {len(stored.kernels)} kernels of {size}x{size} get members "
                "but no classes, since the size has no codebook"
            )
        nearest, members, columns = measure(stored, classifier)
        write_classes(columns, paths_to_classes[size])
        live = np.flatnonzero(~nearest.label.isin([DEAD]))
        if len(live):
            with np.load(paths_to_baselines[size]) as banks:
                controls += sweep_thresholds(
                    classifier, banks, stored.kernels[live], nearest.of(live), members.of(live)
                )
        logger.info(f"{size}x{size}: {nearest.label.count()}")
    for size in sorted({info.kernel_size for info in stored.layers} - set(classifiers)):
        logger.warning(
            f"model {name}: its kernels of {size}x{size} are not measured; to measure them, "
            f"add {size} to family.sizes in config.yaml (members alone) or to autoencoder.sizes, "
            f"and thresholds.k{size}"
        )
    write_controls(controls, path_to_controls)
