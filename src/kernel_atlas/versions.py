"""One version per stage: raise it in the change that changes the stage's results.

Each is a Snakemake param of its stage's rule, so a raised version reruns that
stage and what follows. An edited library file alone reruns nothing.
"""

RESOLVE = 2
EXTRACT = 3
MODELS = 2
TRAIN = 4
KMEANS = 1
LABEL = 6
CONTROLS = 3
STABILITY = 4
CLASSIFY = 5
MEANS = 2
SUMMARISE = 5
PAPER_TABLES = 1
PAGE = 1
RUN_SUMMARY = 1
