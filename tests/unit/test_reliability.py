"""docs/reliability.md names, for each promise, the file of tests that shows it."""

import re


def test_each_promise_has_its_tests(repository):
    page = (repository / "docs/reliability.md").read_text(encoding="utf-8")
    found = {path.stem for path in (repository / "tests/faults").glob("test_*.py")}
    assert len(found) > 5
    assert set(re.findall(r"tests/faults/(\w+)\.py", page)) == found
