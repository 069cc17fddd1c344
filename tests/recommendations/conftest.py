import pytest

from recommendations import repository


@pytest.fixture(autouse=True)
def nothing_popular_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repository, "kept_popular", repository.KeptPopular())
