"""The label table of a kernel size: what the training kernels propose, or the user's own."""

import numpy as np
import pytest

from kernel_atlas.codebooks.codebook import Codebook
from kernel_atlas.family.fit import fit_members
from kernel_atlas.family.names import CLASSES
from kernel_atlas.family.templates import make_templates
from kernel_atlas.labels.proposal import label_codebook, propose_labels
from kernel_atlas.labels.table import label_rows, read_labels


@pytest.fixture
def label(tmp_path, write_group):
    """A function that labels a codebook by the kernels of two models, and reads the table."""

    def run(codes, kernels, own=None, min_purity=0.7):
        np.save(tmp_path / "codebook.npy", codes)
        groups = [
            write_group(f"net{i}", [("a", part)])
            for i, part in enumerate(np.array_split(kernels, 2))
        ]
        paths = own, tmp_path / "labels.tsv"
        label_codebook(tmp_path / "codebook.npy", groups, 0.2, min_purity, *paths)
        return read_labels(tmp_path / "labels.tsv")

    return run


@pytest.fixture(scope="module")
def kernels():
    """Noisy templates of the family, in random order."""
    rng = np.random.default_rng(0)
    bank = rng.permutation([template for _, template in make_templates(5)])[:300]
    return (bank + rng.normal(0, 0.03, bank.shape)).astype(np.float32)


@pytest.fixture(scope="module")
def codes():
    """A codebook of equal shares for all classes."""
    templates = dict(make_templates(5))
    return np.repeat([templates[name] for name in CLASSES], 200, axis=0)


@pytest.mark.parametrize("min_purity", [0.7, 1])
def test_the_table_holds_what_the_kernels_of_all_train_models_propose(
    label, codes, kernels, min_purity
):
    written = label(codes, kernels, min_purity=min_purity)
    codebook = Codebook(codes)
    proposed = propose_labels(codebook, kernels, fit_members(kernels), 0.2, min_purity)
    labels, expected = (label_rows(rows, codebook).tolist() for rows in (written, proposed))
    assert labels == expected
    for name in ("match", "purity"):
        expected = [getattr(row, name) for row in proposed]
        assert [getattr(row, name) for row in written] == pytest.approx(expected, abs=1e-3)
    assert [row.mostly for row in written] == [row.mostly for row in proposed]


def test_a_skipped_size_has_an_empty_table(label):
    assert label(np.zeros((0, 9, 9), np.float32), np.ones((2, 7, 7))) == []


@pytest.mark.parametrize(("ending", "encoding"), [("\n", "utf-8"), ("\r\n", "utf-8-sig")])
def test_the_users_own_table_replaces_the_proposal(
    tmp_path, label, codes, kernels, ending, encoding
):
    lines = ["class\tstart\tstop\tnote", "ring-2\t0.5\t1\tmine", "", "on_centre\t0\t0.25\t", ""]
    (tmp_path / "own.tsv").write_bytes(ending.join(lines).encode(encoding))
    found = label(codes, kernels, tmp_path / "own.tsv")
    expected = [(0, 0.25, "on_centre"), (0.5, 1, "ring-2")]
    assert [(row.start, row.stop, row.label) for row in found] == expected
