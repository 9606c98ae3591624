"""Save the configuration beside the results."""

from kernel_atlas.atomic import replacing
from kernel_atlas.jobs import logged

if __name__ == "__main__":
    with logged(snakemake.log[0]), replacing(snakemake.output[0]) as path:
        path.write_text(snakemake.params.config, encoding="utf-8")
