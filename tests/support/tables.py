"""What the tests of tables across models share."""

from kernel_atlas.tables import agreement, clustered, families, layers, signs

COUNTED = ["n_kernels", "n_clustered", "percent"]
HEADS = {
    "clustered": clustered.COLUMNS,
    "families": families.COLUMNS,
    "layers": layers.COLUMNS,
    "agreement": agreement.COLUMNS,
    "signs": signs.COLUMNS,
    "controls": ["model", "kernel_size", "method", "kernels", *COUNTED],
    "sweep": ["kernel_size", "method", "kernels", "threshold", *COUNTED],
}
MODELS = "model source role family paper_name paper_table paper_percent duplicate_of outcome note"
THRESHOLDS = {3: 0.2, 5: 0.2, 7: 0.3}


def chance(size, n_kernels, n_random, n_phases=0):
    """A model's controls at the threshold in force: as many are near, one less is clustered.

    All random directions and no kernels with random phases are matched.
    """
    counts = {
        "kmeans_10": (n_kernels, 0),
        "near": (n_random, n_phases),
        "codebook": (max(0, n_random - 1), max(0, n_phases - 1)),
        "family": (n_kernels, 0),
    }
    return [
        (size, method, kernels, THRESHOLDS[size], n_kernels, n)
        for method, pair in counts.items()
        for kernels, n in zip(("random", "phase_randomised"), pair, strict=True)
    ]


def filled(table, *columns):
    """The rows of a table, of some columns if any are named; missing cells are empty."""
    return table[list(columns) or list(table)].astype(object).fillna("").to_numpy().tolist()


def counted(layers):
    """The rows of layers.tsv in which something is counted."""
    return layers[(layers["n"] > 0) | (layers["n_members"] > 0)]
