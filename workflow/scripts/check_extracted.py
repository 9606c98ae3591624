"""Fail if a model could not be extracted, so that the run does not end with status 0."""

from kernel_atlas.extraction.failed import check_extracted
from kernel_atlas.jobs import logged

if __name__ == "__main__":
    with logged(snakemake.log[0]):
        check_extracted(
            path_to_failed=snakemake.input.failed,
            n_models=snakemake.params.n_models,
        )
