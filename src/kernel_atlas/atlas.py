"""The atlas: codebooks, labels and thresholds of all kernel sizes in one object."""

import os
from collections.abc import Iterator, Mapping, Sequence
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import pandas as pd

import kernel_atlas
from kernel_atlas import versions
from kernel_atlas.atlas_file import read_atlas, write_atlas
from kernel_atlas.checkpoints.choice import Choice
from kernel_atlas.checkpoints.inventory import Reading
from kernel_atlas.classes.classifier import Classifier
from kernel_atlas.classes.tabulate import tabulate
from kernel_atlas.codebooks.history import paper_threshold
from kernel_atlas.config import codebook_sizes, kernel_sizes
from kernel_atlas.errors import AtlasError, one_line
from kernel_atlas.extraction.kernels import gather_kernels
from kernel_atlas.networks import read_network
from kernel_atlas.result import Result, summarise
from kernel_atlas.section import Section, read_sections

STAGES = ("TRAIN", "KMEANS", "LABEL", "CLASSIFY")  # whose versions an atlas depends on


class Atlas(Mapping[int, Classifier]):
    """A mapping from kernel size to the `Classifier` of that size.

    Attributes
    ----------
    sections : dict
        From kernel size to `Section`.
    training_set : list of dict
        Rows of ``results/tables/training_set.tsv``, if they are known.
    versions : dict
        Of kernel-atlas and its stages, that made the atlas.
    name : str
        Where it is from, for people.
    """

    def __init__(
        self,
        sections: Mapping[int, Section],
        training_set: Sequence[Mapping[str, Any]] = (),
        made_by: Mapping[str, Any] | None = None,
        name: str = "an atlas",
    ) -> None:
        self.sections = dict(sections)
        self.training_set = [dict(row) for row in training_set]
        self.versions = _versions() if made_by is None else dict(made_by)
        self.name = name

    def __getitem__(self, size: int) -> Classifier:
        return self.sections[size].classifier

    def __iter__(self) -> Iterator[int]:
        return iter(self.sections)

    def __len__(self) -> int:
        return len(self.sections)

    @property
    def sizes(self) -> list[int]:
        """The kernel sizes that have codes, in ascending order."""
        return sorted(size for size, section in self.sections.items() if len(section.codebook))

    @property
    def training_models(self) -> list[str]:
        """The models that the codebooks were made from."""
        return list(dict.fromkeys(row["model"] for row in self.training_set))

    def section(self, size: int) -> Section:
        """What decides the class of a kernel of this size: without codes if the atlas lacks it."""
        return self.sections.get(size) or Section.without_codes(size, paper_threshold(size))

    def classify(
        self,
        x: Any,
        *,
        weights: str = "",
        include: str = "",
        exclude: str = "",
        sha256: str = "",
    ) -> Result:
        """Classify the depthwise kernels of a network.

        Parameters
        ----------
        x : torch.nn.Module, mapping, array, path or str
            A network; its state dict; kernels of shape (n, k, k) or (n, 1, k, k); a
            checkpoint's path; or a source URI as in a model sheet (docs/models.md).
        weights : str
            Which entry of a file holds the network.
        include, exclude : str
            Patterns of layers to count or leave out, separated by spaces.
        sha256 : str
            Expected checksum of a file.

        Raises
        ------
        AtlasError
            If it cannot be read or has no depthwise kernels.
        """
        return self.classify_reading(*read_network(x, Choice(weights, include, exclude), sha256))

    def classify_reading(self, name: str, reading: Reading) -> Result:
        """Classify layers that have been read, of a network of this name."""
        sizes = sorted({layer.kernels.shape[-1] for layer in reading.layers})
        kernels = {size: gather_kernels(reading.layers, size) for size in sizes}
        sections = {size: self.section(size) for size in sizes}
        threads = len(os.sched_getaffinity(0))  # somebody is waiting
        classes = {
            size: tabulate(kernels[size], sections[size].classifier, threads) for size in sizes
        }
        chance = {size: section.random_percents for size, section in sections.items()}
        summary = summarise(classes, chance, self.sizes)
        return Result(name, self.name, classes, summary, reading.inventory)

    @classmethod
    def read(
        cls,
        paths_to_codebooks: Mapping[int, str | Path],
        paths_to_labels: Mapping[int, str | Path],
        thresholds: Mapping[int, float],
    ) -> "Atlas":
        """Read an atlas from the files of each kernel size.

        A size with a threshold alone is measured by the family's ruler.

        Raises
        ------
        AtlasError
            If a label table is malformed.
        """
        return cls(read_sections(paths_to_codebooks, paths_to_labels, thresholds))

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
            atlas = cls.read(
                {size: codebooks[size] for size in codebook_sizes(config)},
                {size: folder / "labels" / f"k{size}.tsv" for size in codebooks},
                {size: config["thresholds"][f"k{size}"] for size in kernel_sizes(config)},
            )
        except FileNotFoundError as error:
            raise AtlasError(
                f"{error.filename} is missing, so {folder} does not hold a finished run; give "
                "the folder of its results, or run snakemake first"
            ) from None
        except (yaml.YAMLError, KeyError, TypeError, ValueError) as error:
            raise AtlasError(
                f"{folder} does not hold a run that this kernel-atlas can read "
                f"({one_line(error)}); give the folder of its results"
            ) from None
        table = folder / "tables" / "training_set.tsv"
        if table.exists():
            atlas.training_set = pd.read_csv(table, sep="\t").to_dict("records")
        atlas.name = f"the run in {folder}"
        return atlas

    @classmethod
    def load(cls, path: str | Path | None = None) -> "Atlas":
        """Read an atlas: a file that `save` wrote, or the folder of a run's results.

        Parameters
        ----------
        path : path, optional
            By default the atlas of the default run, which comes with the package.

        Raises
        ------
        AtlasError
            If there is none, or it is damaged or made by a newer kernel-atlas.
        """
        if path is None:
            with as_file(files(kernel_atlas) / "data" / "default.atlas") as default:
                return cls(*read_atlas(default), "the atlas that comes with kernel-atlas")
        if Path(path).is_dir():
            return cls.from_run(path)
        return cls(*read_atlas(path), str(path))

    def save(self, path: str | Path) -> None:
        """Write the atlas to one file, by convention ``<name>.atlas``.

        Raises
        ------
        AtlasError
            If no size has codes.
        NoSpaceError
            If the disk is full.
        """
        write_atlas(path, self.sections, self.training_set, self.versions)


def _versions() -> dict[str, Any]:
    stages = {stage.lower(): getattr(versions, stage) for stage in STAGES}
    return {"kernel_atlas": kernel_atlas.__version__, **stages}
