"""One version a stage: raise it in the change that changes the stage's results.

Snakemake passes each as a parameter of the stage's rule, so a raised version
reruns that stage and what follows; an edited library file alone reruns nothing.
"""

RESOLVE = 1
EXTRACT = 2
TRAIN = 1
KMEANS = 1
LABEL = 2
CONTROLS = 1
CLASSIFY = 2
SUMMARISE = 3
FIGURES = 2
