"""Train the network of one arm with one seed."""

from pathlib import Path

from kernel_atlas.experiments.arms import Training
from kernel_atlas.experiments.training import train_network
from kernel_atlas.jobs import logged

if __name__ == "__main__":
    with logged(snakemake.log[0]):
        train_network(
            training=Training.read(snakemake.params.settings, snakemake.params.seed),
            folder=Path(snakemake.output.history).parent,
            path_to_log=snakemake.log[0],
        )
