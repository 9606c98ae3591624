"""List what each row of the sheet will fetch and hold."""

from kernel_atlas.extraction.describe import describe_sources
from kernel_atlas.jobs import logged

if __name__ == "__main__":
    with logged(snakemake.log[0]):
        describe_sources(
            rows=snakemake.params.rows,
            sizes=snakemake.params.sizes,
            paths_to_architectures=snakemake.input.architectures,
            path_to_tsv=snakemake.output.tsv,
            path_to_txt=snakemake.output.txt,
        )
