"""The 21 cases of checkpoints as people have them; their variants are in test_field_*.py."""

import pytest
from support.field import check
from support.field_cases import make_cases

from kernel_atlas.checkpoints.choice import Choice
from kernel_atlas.checkpoints.depthwise import Depthwise
from kernel_atlas.checkpoints.inventory import describe_doubts
from kernel_atlas.checkpoints.read import read_checkpoint
from kernel_atlas.checkpoints.regular import RegularSample
from kernel_atlas.errors import AtlasError
from kernel_atlas.sources.local import LocalFile


def test_the_21_cases(tmp_path):
    cases = make_cases(tmp_path)
    assert len({case.name for case in cases} - {"grey_decided.pth"}) == 21
    for case in cases:
        choice = Choice(**case.choice)
        compared = case.role == "compare"
        selection = RegularSample(100, 0, choice) if compared else Depthwise(choice)
        file = LocalFile(tmp_path / case.name)
        if case.cause:
            with pytest.raises(AtlasError) as caught:
                read_checkpoint(file, selection)
            assert case.cause in str(caught.value)
            continue
        reading = read_checkpoint(file, selection)
        if compared:
            assert [layer.name for layer in reading.layers] == list(case.layers)
            assert {row.name for row in reading.inventory if not row.counted} == set(case.left)
        else:
            check(reading, case.layers, case.left, case.doubt)
        assert bool(describe_doubts(reading.inventory)) == bool(case.doubt)
