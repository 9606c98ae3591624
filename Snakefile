# Kernel Atlas: from trained weights to an atlas of depthwise convolution kernels.
# The stages, in the order in which they run, are the files in rules/.
from snakemake.utils import min_version

min_version("9.14.8")


configfile: workflow.source_path("config.yaml")


report: "workflow/report/workflow.rst"


include: "rules/common.smk"
include: "rules/inputs.smk"
include: "rules/sources.smk"
include: "rules/extraction.smk"
include: "rules/codebooks.smk"
include: "rules/labels.smk"
include: "rules/classes.smk"
include: "rules/models.smk"
include: "rules/tables.smk"
include: "rules/measures.smk"
include: "rules/stability.smk"
include: "rules/summary.smk"
include: "rules/experiments.smk"
include: "rules/experiment_results.smk"
include: "rules/figures.smk"
include: "rules/page.smk"


# Intermediate results are named too: a job that dies takes its old outputs with it,
# and without them here the tables made of them would still look up to date.
rule all:
    default_target: True
    input:
        every(rules.extract_kernels.output, model=EXTRACTED),
        rules.list_training_set.output,
        expand(rules.train_autoencoder.output, size=config["autoencoder"]["sizes"]),
        expand(rules.cluster_kernels.output, size=config["kmeans"]["sizes"]),
        expand(rules.label_codebook.output, size=CODEBOOK_SIZES),
        every(rules.classify_kernels.output, model=MODELS),
        rules.measure_chance.output,
        rules.average_classes.output,
        rules.list_models.output,
        rules.summarise_classes.output,
        rules.gather_measures.output,
        rules.compare_seeds.output,
        rules.summarise_run.output,
        rules.save_config.output,
        rules.check_extracted.output,
        FIGURE_FILES,
        rules.build_page.output,
