"""Classify the kernels of one model: nearest code, dissimilarity, class (Section 4.2)."""

import logging
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from kernel_atlas.atomic import replacing
from kernel_atlas.classes.classifier import Classifier
from kernel_atlas.classes.controls import CONTROL_COLUMNS, sweep_thresholds
from kernel_atlas.codebooks.codebook import SKIPPED, read_codebook
from kernel_atlas.extraction import store
from kernel_atlas.family.fit import fit_members
from kernel_atlas.family.names import DEAD, OTHER, order_classes
from kernel_atlas.labels.table import label_rows, read_labels

logger = logging.getLogger(__name__)


def classify_kernels(
    path_to_group: str | Path,
    paths_to_codebooks: Mapping[int, str | Path],
    paths_to_labels: Mapping[int, str | Path],
    paths_to_baselines: Mapping[int, str | Path],
    thresholds: Mapping[int, float],
    kmeans_sizes: list[int],
    paths_to_classes: Mapping[int, str | Path],
    path_to_controls: str | Path,
) -> None:
    """Classify all kernels of a model, a table a size, and count what chance and others give.

    The mappings' keys are kernel sizes. A size that the model lacks, or that no
    autoencoder was trained for, gives an empty table.

    Parameters
    ----------
    path_to_group : path
        The model's group in the store.
    paths_to_classes : mapping
        Written: Parquet, a row a kernel (docs/results.md has the columns).
    paths_to_baselines : mapping
        The banks of `controls.fit_baselines`.
    path_to_controls : path
        Written: tab-separated; for each size, method, control and threshold, how many
        of how many live kernels are clustered (docs/tables.md).
    """
    controls = []
    for size, path_to_classes in paths_to_classes.items():
        stored = store.read_kernels(path_to_group, size)
        codebook = read_codebook(paths_to_codebooks[size])
        kernels, layer, channel = stored.kernels, stored.layer, stored.channel
        if len(kernels) and not len(codebook):
            logger.warning(
                "model %s: its %d kernels of %dx%d are not classified; the size was %s",
                Path(path_to_group).name, len(kernels), size, size, SKIPPED,
            )  # fmt: skip
            kernels, layer, channel = kernels[:0], layer[:0], channel[:0]
        labels = label_rows(read_labels(paths_to_labels[size]), codebook)
        classifier = Classifier(codebook, labels, thresholds[size], size in kmeans_sizes)
        table = classifier.classify(kernels)
        members = fit_members(kernels, table["class"].to_numpy())
        table = pd.concat([table, members], axis=1)
        table.insert(0, "layer", pd.Categorical.from_codes(layer, stored.layer_names))
        table.insert(1, "layer_index", layer)
        table.insert(2, "channel", channel)
        categories = order_classes({*labels, OTHER, DEAD})
        table["class"] = pd.Categorical(table["class"], categories)
        with replacing(path_to_classes) as path:
            table.to_parquet(path, index=False)
        live = kernels[(table["class"] != DEAD).to_numpy()]
        if len(live):
            with np.load(paths_to_baselines[size]) as banks:
                controls += [(size, *row) for row in sweep_thresholds(classifier, banks, live)]
        logger.info("%dx%d: %s", size, size, table["class"].value_counts().to_dict())
    for size in sorted({info.kernel_size for info in stored.layers} - set(paths_to_classes)):
        logger.warning(
            "model %s: its kernels of %dx%d are not classified; to have them, add %d to "
            "autoencoder.sizes in config.yaml, and its threshold",
            Path(path_to_group).name, size, size, size,
        )  # fmt: skip
    with replacing(path_to_controls) as path:
        pd.DataFrame(controls, columns=list(CONTROL_COLUMNS)).to_csv(
            path, sep="\t", index=False, lineterminator="\n"
        )
