"""One version per stage: raise it in the change that changes the stage's results.

Each is a Snakemake param of its stage's rule, so a raised version reruns that
stage and what follows. An edited library file alone reruns nothing.
"""

RESOLVE = 2
EXTRACT = 3
MODELS = 2
TRAIN = 4
KMEANS = 1
LABEL = 7
CONTROLS = 3
STABILITY = 5
CLASSIFY = 5
MEANS = 2
SUMMARISE = 6
MEASURES = 1
DEPTHS = 1
PAPER_TABLES = 1
PAGE = 2
RUN_SUMMARY = 1
TRAIN_NETWORK = 1
CHECKPOINTS = 1
STARTS = 1
MOVEMENT = 1
