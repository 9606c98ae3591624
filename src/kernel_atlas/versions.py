"""One version per stage: raise it in the change that changes the stage's results.

Each is a Snakemake param of its stage's rule, so a raised version reruns that
stage and what follows. An edited library file alone reruns nothing.
"""

RESOLVE = 1
EXTRACT = 3
MODELS = 2
TRAIN = 2
KMEANS = 1
LABEL = 5
CONTROLS = 2
STABILITY = 4
CLASSIFY = 4
MEANS = 1
SUMMARISE = 4
