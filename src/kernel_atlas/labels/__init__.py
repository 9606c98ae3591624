"""From codebooks to labelled intervals of the code."""
