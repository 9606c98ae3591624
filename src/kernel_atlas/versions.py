"""One version a stage: raise it in the change that changes the stage's results.

Snakemake passes each as a parameter of the stage's rule, so a raised version
reruns that stage and what follows; an edited library file alone reruns nothing.
"""

RESOLVE = 1
EXTRACT = 2
TRAIN = 1
KMEANS = 1
LABEL = 1
CLASSIFY = 1
SUMMARISE = 2
FIGURES = 1
