"""How far the family's ruler can be trusted.

Kernels of known class come from tests/support/known_kernels.py, which shares no code with
the family. Prints the rows of RESULTS.md, section "Kernels of known class".

    python benchmarks/members.py [kernels of each class]
"""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from support.known_kernels import draw_known_kernels

from kernel_atlas.family.fit import find_matched, fit_members

THRESHOLDS = {5: 0.2, 7: 0.3}
NOISES = (0.0, 0.25, 0.35, 0.5)
LEAD = 0.04
N_RANDOM = 50_000


def main(n: int) -> None:
    """Print one row per size and noise, then random directions."""
    print("| size | noise | matched | right, of these | lead 0.04 or more | right, of these |")
    print("|---|---|---|---|---|---|")
    for size, threshold in THRESHOLDS.items():
        for noise in NOISES:
            kernels, truth = draw_known_kernels(size, n, noise, np.random.default_rng(size))
            found = fit_members(kernels)
            matched = find_matched(found, threshold)
            right = found["member"].to_numpy(str) == truth
            sure = matched & (found["lead"] >= LEAD)
            shares = (matched.mean(), right[matched].mean(), sure.mean(), right[sure].mean())
            cells = " | ".join(f"{100 * share:.2f}" for share in shares)
            print(f"| {size}x{size} | {noise:g} | {cells} |", flush=True)
        made = np.random.default_rng(0).standard_normal((N_RANDOM, size, size))
        percent = 100 * find_matched(fit_members(made), threshold).mean()
        print(f"{size}x{size}: {percent:.3f} % of {N_RANDOM:,} random directions matched")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000)
