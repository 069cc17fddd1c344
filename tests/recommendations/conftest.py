import pytest

from recommendations import repository


@pytest.fixture(autouse=True)
def nothing_popular_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repository, "popular_cache", repository.PopularCache())
