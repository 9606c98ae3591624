"""Sum up the classes of all models in the tables across models."""

import logging
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from kernel_atlas.atomic import write_table
from kernel_atlas.classes.reading import read_class_table
from kernel_atlas.family.names import CLASSES
from kernel_atlas.tables import layers, signs
from kernel_atlas.tables.agreement import count_pairs, tabulate_agreement
from kernel_atlas.tables.clustered import list_clustered, write_page
from kernel_atlas.tables.controls import at_thresholds, pool_models, read_controls
from kernel_atlas.tables.families import pool_families
from kernel_atlas.tables.layers import count_by_layer, count_layers, list_by_model
from kernel_atlas.tables.signs import count_signs

OTHERS = [*layers.OTHERS, *signs.OTHERS]

logger = logging.getLogger(__name__)


def summarise_classes(
    path_to_models: str | Path,
    paths_to_classes: Mapping[tuple[str, int], str | Path],
    paths_to_controls: Mapping[str, str | Path],
    path_to_chance: str | Path,
    thresholds: Mapping[int, float],
    merge: Mapping[str, str],
    folder: str | Path,
) -> None:
    """Write the tables across models (docs/results.md).

    Parameters
    ----------
    path_to_models : path
        The table models.tsv: one row per sheet row.
    paths_to_classes : mapping
        From model and kernel size to its table of classes.
    paths_to_controls : mapping
        From model to its table of controls.
    path_to_chance : path
        What `measure_chance` wrote.
    thresholds : mapping
        From kernel size to the threshold in force.
    merge : mapping
        From a class to the one that layers.tsv counts it as, by either ruler.
    folder : path
        Written there: clustered.tsv and .html, families.tsv, layers.tsv, agreement.tsv,
        signs.tsv, controls.tsv, sweep.tsv.
    """
    models = pd.read_csv(path_to_models, sep="\t", dtype=str, keep_default_na=False)
    models = models[models["role"] != "compare"]
    counts: dict[tuple[str, int], pd.DataFrame] = {}
    by_layer: dict[tuple[str, int], pd.DataFrame] = {}
    pairs: list[tuple[int, pd.DataFrame]] = []
    by_sign: dict[tuple[str, int], pd.DataFrame] = {}
    unknown = set(merge) - set(CLASSES)
    for (model, size), path in paths_to_classes.items():
        classes = read_class_table(path, OTHERS)
        unknown -= set(classes.own.names)
        if len(classes):
            counts[model, size] = count_layers(classes)
            pairs.append((size, count_pairs(classes)))
            by_sign[model, size] = count_signs(classes)
            by_layer[model, size] = count_by_layer(classes.merged(merge))
    for name in sorted(unknown):
        logger.warning(f"config: merge.{name}: neither the family nor a label table has this class")
    sweep = read_controls(paths_to_controls, path_to_chance)
    controls = at_thresholds(sweep, thresholds)
    clustered = list_clustered(models, counts, controls, list(thresholds))
    folder = Path(folder)
    write_table(clustered, folder / "clustered.tsv")
    write_page(clustered, folder / "clustered.html")
    write_table(pool_families(clustered, counts), folder / "families.tsv")
    sizes = list(thresholds)
    write_table(list_by_model(models, by_layer, sizes), folder / "layers.tsv")
    write_table(list_by_model(models, by_sign, sizes, signs.COLUMNS), folder / "signs.tsv")
    write_table(tabulate_agreement(pairs), folder / "agreement.tsv")
    write_table(controls, folder / "controls.tsv")
    write_table(pool_models(sweep), folder / "sweep.tsv")
