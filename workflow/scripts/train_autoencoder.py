"""Train the autoencoder of one kernel size on the kernels of the train models."""

from pathlib import Path

from kernel_atlas.codebooks.seeds import train_autoencoder
from kernel_atlas.codebooks.training_data import Settings
from kernel_atlas.jobs import logged

if __name__ == "__main__":
    with logged(snakemake.log[0]):
        train_autoencoder(
            paths_to_groups=[Path(path).parent for path in snakemake.input.groups],
            size=int(snakemake.wildcards.size),
            settings=Settings(
                widths=tuple(snakemake.params.widths),
                epochs=snakemake.params.epochs,
                refine_epochs=snakemake.params.refine_epochs,
                length_penalty=snakemake.params.length_penalty,
                batch_size=snakemake.params.batch_size,
                learning_rate=snakemake.params.learning_rate,
                held_out=snakemake.params.held_out,
                seed=snakemake.params.seed,
            ),
            n_seeds=snakemake.params.seeds,
            threads=snakemake.threads,
            device=snakemake.params.device,
            folder=Path(snakemake.output.weights).parent,
        )
