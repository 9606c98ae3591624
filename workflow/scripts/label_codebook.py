"""Write the label table of one kernel size."""

from pathlib import Path

from kernel_atlas.jobs import logged
from kernel_atlas.labels.proposal import label_codebook

if __name__ == "__main__":
    with logged(snakemake.log[0]):
        label_codebook(
            path_to_codebook=snakemake.input.codebook,
            paths_to_groups=[Path(path).parent for path in snakemake.input.groups],
            threshold=snakemake.params.threshold,
            min_purity=snakemake.params.min_purity,
            path_to_own_labels=snakemake.input.own_labels or None,
            path_to_labels=snakemake.output.labels,
        )
