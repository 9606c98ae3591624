"""The marker of the workflow tests; what they share with others is in tests/conftest.py."""

import pytest


def pytest_collection_modifyitems(items):
    for item in items:
        if item.path.parent.name == "workflow":
            item.add_marker(pytest.mark.workflow)
