"""Tests of what protected calls are made of, which ask the database itself."""

import pytest


@pytest.fixture(autouse=True)
def unprotected(unprotected_queries: None) -> None:
    pass
