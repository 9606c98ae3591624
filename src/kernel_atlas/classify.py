"""Classify the kernels of one model: nearest code, dissimilarity, class (Section 4.2)."""

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from kernel_atlas import sphere, store
from kernel_atlas.codebook import SKIPPED, codes_of, nearest_codes, read_codebook
from kernel_atlas.controls import make_controls
from kernel_atlas.files import replacing
from kernel_atlas.kmeans import nearest_centres
from kernel_atlas.labels import DEAD, OTHER, label_rows, order_classes, read_labels
from kernel_atlas.members import fit_members

logger = logging.getLogger(__name__)

# what sweeps go over; the threshold in force is added
SWEEP = tuple(float(threshold) for threshold in np.arange(2, 21) / 40)  # 0.05 to 0.5
CONTROL_COLUMNS = {
    "kernel_size": int, "method": str, "kernels": str, "threshold": float,
    "n_kernels": int, "n_clustered": int,
}  # fmt: skip
OWN = "own"  # the model's kernels, beside the controls made of them


@dataclass(frozen=True)
class Classifier:
    """All that decides the class of a kernel of one size.

    Attributes
    ----------
    codebook : ndarray of shape (n, k, k)
    labels : ndarray of shape (n,), str
        Class of each row of the codebook.
    threshold : float
        A kernel less dissimilar than this from its nearest code is clustered.
    is_kmeans : bool
        Whether the codebook holds k-means centres (nearest by their own metric).
    """

    codebook: np.ndarray
    labels: np.ndarray
    threshold: float
    is_kmeans: bool = False

    def classify(self, kernels: np.ndarray) -> pd.DataFrame:
        """Classify kernels of shape (n, k, k).

        Returns
        -------
        DataFrame
            n rows: `code` float32 and `dissimilarity` float32 (NaN for dead
            kernels), `class` str: the label of the code's interval, `other` or `dead`.
        """
        live = ~sphere.find_dead(kernels)
        code = np.full(len(kernels), np.nan, np.float32)
        dissimilarity = np.full(len(kernels), np.nan, np.float32)
        label = np.full(len(kernels), DEAD, dtype=object)
        if live.any():
            if self.is_kmeans:
                rows, dissimilarity[live] = nearest_centres(kernels[live], self.codebook)
            else:
                directions = sphere.to_sphere(kernels[live])
                rows, dissimilarity[live] = nearest_codes(directions, self.codebook)
            code[live] = codes_of(self.codebook)[rows]
            clustered = dissimilarity[live] < self.threshold
            label[live] = np.where(clustered, self.labels[rows], OTHER)
        return pd.DataFrame({"code": code, "dissimilarity": dissimilarity, "class": label})


def is_clustered(labels: pd.Series) -> pd.Series:
    """Whether each class is given to clustered kernels, bool."""
    return ~labels.isin([OTHER, DEAD])


def merge_classes(classes: pd.DataFrame, merge: Mapping[str, str]) -> pd.DataFrame:
    """A table of classes with some classes counted as others, as in Appendix J.2.

    Parameters
    ----------
    classes : DataFrame
        With the categorical `class`.
    merge : mapping
        From a class to the one that it is counted as.
    """
    merged = classes["class"].astype(str).replace(dict(merge))
    names = {merge.get(name, name) for name in classes["class"].cat.categories}
    return classes.assign(**{"class": pd.Categorical(merged, order_classes(names))})


def sweep_thresholds(
    classifier: Classifier, banks: Mapping[str, np.ndarray], kernels: np.ndarray
) -> Iterator[tuple[str, str, float, int, int]]:
    """Count the clustered among a model's kernels and its controls, over thresholds.

    Parameters
    ----------
    classifier : Classifier
    banks : mapping
        Codebooks of other methods by name, of shape (m, k, k).
    kernels : ndarray of shape (n, k, k)
        Live kernels.

    Yields
    ------
    tuple
        Method (``codebook`` or a bank's name), kernels (`OWN` or a control's name),
        threshold, number of kernels, number of them that are clustered.
    """
    thresholds = sorted({*SWEEP, classifier.threshold})
    for name, made in ((OWN, kernels), *make_controls(kernels)):
        found = replace(classifier, threshold=np.inf).classify(made)
        # a code that no class has clusters nothing
        distances = {"codebook": found["dissimilarity"].where(is_clustered(found["class"]))}
        directions = sphere.to_sphere(made)
        for method, bank in banks.items():
            distances[method] = nearest_codes(directions, bank)[1]
        for method, distance in distances.items():
            for threshold in thresholds:
                yield method, name, threshold, len(made), int((distance < threshold).sum())


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
