"""The atlas: codebooks, labels and thresholds of all kernel sizes in one object."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from kernel_atlas.classes.classifier import Classifier
from kernel_atlas.codebooks.codebook import read_codebook
from kernel_atlas.config import kernel_sizes
from kernel_atlas.errors import AtlasError
from kernel_atlas.labels.table import label_rows, read_labels


class Atlas(Mapping[int, Classifier]):
    """A mapping from kernel size to the `Classifier` of that size."""

    def __init__(self, classifiers: Mapping[int, Classifier]) -> None:
        self._classifiers = dict(classifiers)

    def __getitem__(self, size: int) -> Classifier:
        return self._classifiers[size]

    def __iter__(self) -> Iterator[int]:
        return iter(self._classifiers)

    def __len__(self) -> int:
        return len(self._classifiers)

    @classmethod
    def read(
        cls,
        paths_to_codebooks: Mapping[int, str | Path],
        paths_to_labels: Mapping[int, str | Path],
        thresholds: Mapping[int, float],
    ) -> "Atlas":
        """Read an atlas from the files of each kernel size.

        Raises
        ------
        AtlasError
            If a label table is malformed.
        """
        classifiers = {}
        for size, path_to_codebook in paths_to_codebooks.items():
            codebook = read_codebook(path_to_codebook)
            labels = label_rows(read_labels(paths_to_labels[size]), codebook)
            classifiers[size] = Classifier(codebook, labels, thresholds[size])
        return cls(classifiers)

    @classmethod
    def from_run(cls, folder: str | Path) -> "Atlas":
        """Read the atlas of a run: all kernel sizes of its configuration.

        Parameters
        ----------
        folder : path
            ``results``, or a copy of it.

        Raises
        ------
        AtlasError
            If the run has not written all codebooks and label tables.
        """
        import yaml

        folder = Path(folder)
        try:
            config = yaml.safe_load((folder / "config.yaml").read_text(encoding="utf-8"))
            codebooks = {
                size: folder / method / f"k{size}" / "codebook.npy"
                for method in ("autoencoder", "kmeans")
                for size in config[method]["sizes"]
            }
            return cls.read(
                {size: codebooks[size] for size in kernel_sizes(config)},
                {size: folder / "labels" / f"k{size}.tsv" for size in codebooks},
                {size: config["thresholds"][f"k{size}"] for size in codebooks},
            )
        except FileNotFoundError as error:
            raise AtlasError(
                f"{error.filename} is missing, so {folder} does not hold a finished run; give "
                "the folder of its results, or run snakemake first"
            ) from None
