"""The sums over several worker processes."""

from pathlib import Path

import pytest
from prometheus_client.mmap_dict import MmapedDict, mmap_key

from service import dead_workers, metrics


def test_a_starting_worker_does_not_break_the_metrics_of_the_others(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(dead_workers.FOLDER, str(tmp_path))
    for worker in (1, 2):
        file = MmapedDict(str(tmp_path / f"counter_{worker}.db"))  # type: ignore[no-untyped-call]
        file.write_value(mmap_key("hits", "hits_total", [], [], ""), worker, 0)  # type: ignore[no-untyped-call]
        file.close()  # type: ignore[no-untyped-call]
    (tmp_path / "counter_3.db").touch()
    assert b"\nhits_total 3.0\n" in metrics.exposition()
