"""A curve of codes cut into segments, so that most of it can be passed over in a search.

A segment lies around its mean m, within w of it along the line a through its ends, and within e of
that line. No cosine of a unit vector x with one of its codes is then above x'm + w |x'a| + e.
"""

import numpy as np

_N_SEGMENTS = 128  # of equal length: fewer are longer, more cost more to pass over
_LEAST_CODES = 64  # on average, since a product with few takes as long
_MOST_CODES = 256  # in a segment, which bounds the memory where the curve stands still
_SLACK = 1e-5  # that a bound in float32 may be off


class Segments:
    """The codes of a codebook, prepared for a search.

    Parameters
    ----------
    directions : ndarray of shape (n, d), float32
        Unit vectors, in the order of the codes. Neighbours need not be alike, but the search is
        fast where they are.
    """

    def __init__(self, directions: np.ndarray) -> None:
        codes = directions.astype(np.float64)
        steps = np.linalg.norm(np.diff(codes, axis=0), axis=1)
        travelled = np.append(0, np.cumsum(steps))
        n_segments = min(_N_SEGMENTS, max(1, len(codes) // _LEAST_CODES))
        place = travelled // max(travelled[-1] / n_segments, 1e-12)
        place += np.arange(len(codes)) // _MOST_CODES
        self._starts = np.flatnonzero(np.diff(place, prepend=-1))
        stops = np.append(self._starts[1:], len(codes))
        self._codes = np.split(codes, stops[:-1])

        n = stops - self._starts
        means = np.add.reduceat(codes, self._starts) / n[:, None]
        lines = codes[stops - 1] - codes[self._starts]
        lines /= np.maximum(np.linalg.norm(lines, axis=1, keepdims=True), 1e-12)
        offsets, along = codes - np.repeat(means, n, axis=0), np.repeat(lines, n, axis=0)
        reach = np.einsum("ij,ij->i", offsets, along)
        aside = np.linalg.norm(offsets - reach[:, None] * along, axis=1)
        self._means = means.astype(np.float32)
        widths = np.maximum.reduceat(np.abs(reach), self._starts)
        self._lines = (widths[:, None] * lines).astype(np.float32)
        self._rest = np.maximum.reduceat(aside, self._starts).astype(np.float32) + _SLACK

    def nearest_rows(self, directions: np.ndarray) -> np.ndarray:
        """Find the code that has the highest cosine with each direction.

        Parameters
        ----------
        directions : ndarray of shape (m, d), float32
            Unit vectors.

        Returns
        -------
        ndarray of shape (m,), int64
        """
        bounds = np.abs(self._lines @ directions.T)  # transposed: its rows are looked through
        bounds += self._means @ directions.T
        bounds += self._rest[:, None]
        # Neighbouring codes are nearly tied. In float32 the batch and the number of threads
        # would decide between them.
        exact = directions.astype(np.float64)
        rows = np.zeros(len(directions), np.int64)
        highest = np.full(len(directions), -np.inf)
        least = bounds.max(axis=0)
        # first the most promising segment, then all that could still hold a nearer code
        for _ in range(2):
            is_open = bounds >= least
            for number in np.flatnonzero(is_open.any(axis=1)):
                open_ = np.flatnonzero(is_open[number])
                cosine = exact[open_] @ self._codes[number].T
                best = cosine.argmax(axis=1)
                cosine = cosine[np.arange(len(open_)), best]
                best += self._starts[number]
                is_nearer = cosine > highest[open_]
                rows[open_[is_nearer]] = best[is_nearer]
                highest[open_[is_nearer]] = cosine[is_nearer]
                bounds[number, open_] = -np.inf
            least = highest.astype(np.float32)
        return rows
