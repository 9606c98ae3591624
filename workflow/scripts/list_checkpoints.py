"""List the weights of all kept epochs as a model sheet, and with what they reached."""

from kernel_atlas.experiments.arms import Training
from kernel_atlas.experiments.checkpoints import list_checkpoints
from kernel_atlas.jobs import logged

if __name__ == "__main__":
    with logged(snakemake.log[0]):
        list_checkpoints(
            trainings=[Training.read(*each) for each in snakemake.params.trainings],
            paths_to_histories=snakemake.input.histories,
            path_to_sheet=snakemake.output.sheet,
            path_to_checkpoints=snakemake.output.checkpoints,
        )
