"""List the models that could not be extracted."""

from kernel_atlas.extraction.failed import list_failed
from kernel_atlas.jobs import logged

if __name__ == "__main__":
    with logged(snakemake.log[0]):
        list_failed(
            paths_to_metadata=snakemake.input,
            path_to_failed=snakemake.output[0],
        )
