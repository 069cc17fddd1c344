"""Counts survive the end of a worker, and the number of files does not grow."""

import errno
import fcntl
import os
import subprocess
import sys
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from service import dead_workers, metrics

WORK = """
from service import metrics_files
metrics_files.install()
from prometheus_client import Counter, Gauge, Histogram
Counter("done", "Done.", ["kind"]).labels("a").inc(2)
Histogram("took", "Took.", buckets=(1, 5)).observe(3)
Gauge("busy", "Busy.", multiprocess_mode="livesum").set(1)
import os
print(os.getpid())
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    return tmp_path


def worker() -> int:
    """Run a process that counts and ends. Return its id."""
    done = subprocess.run([sys.executable, "-c", WORK], env=os.environ, capture_output=True, text=True, check=True)
    return int(done.stdout)


def samples() -> dict[str, float]:
    text = metrics.exposition().decode()
    found = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    return {f"{sample.name}{sorted(sample.labels.items()) or ''}": sample.value for sample in found}


def test_counts_stay_and_files_do_not_grow_when_workers_end(folder: Path) -> None:
    alive = worker()
    for ended in range(1, 6):
        dead_workers.merge(worker(), [alive])
        found = samples()
        assert found["done_total[('kind', 'a')]"] == 2 * (ended + 1)
        assert found["took_bucket[('le', '5.0')]"] == found["took_count"] == ended + 1
        assert found["took_bucket[('le', '1.0')]"] == 0
        assert found["took_sum"] == 3 * (ended + 1)
        assert found["busy"] == 1  # from the running worker
        assert len(list(folder.glob("*.db"))) == 5  # three of the running worker, two merged ones


def test_nothing_is_merged_during_a_scrape_and_all_of_it_the_next_time(folder: Path) -> None:
    first, second = worker(), worker()
    with dead_workers.folder_lock(fcntl.LOCK_SH):
        dead_workers.merge(first, [])
    assert (folder / f"counter_{first}.db").exists()
    dead_workers.merge(second, [])
    assert {file.name for file in folder.glob("*.db")} == {"counter_merged.db", "histogram_merged.db"}
    assert samples()["done_total[('kind', 'a')]"] == 4


def test_a_damaged_file_does_not_affect_the_others(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    first, second = worker(), worker()
    (folder / f"counter_{first}.db").write_bytes(b"\xff\x00\x00\x00" + b"\x01" * 100)
    dead_workers.merge(second, [])
    assert samples()["done_total[('kind', 'a')]"] == 2
    assert "the metrics of a worker process are lost" in caplog.text


def test_files_have_all_of_their_blocks(folder: Path) -> None:
    """A process that writes to a hole of a mapped file ends with SIGBUS if the disk is full."""
    alive = worker()
    dead_workers.merge(worker(), [alive])
    files = list(folder.glob("*.db"))
    assert len(files) == 5
    for file in files:
        assert file.stat().st_blocks * 512 >= file.stat().st_size


def test_a_full_disk_costs_counts_and_nothing_else(folder: Path) -> None:
    full = "import errno, os\ndef fail(*_): raise OSError(errno.ENOSPC, 'full')\nos.posix_fallocate = fail\n"
    done = subprocess.run(
        [sys.executable, "-c", full + WORK], env=os.environ, capture_output=True, text=True, check=True
    )
    assert "some metrics of this process are not counted" in done.stderr
    assert "done_total[('kind', 'a')]" not in samples()


def test_ended_workers_are_merged_when_the_disk_has_room_again(
    folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, "full")

    first, second = worker(), worker()
    with monkeypatch.context() as patch:
        patch.setattr(os, "posix_fallocate", fail)
        dead_workers.merge(first, [])
    assert "the metrics of ended workers are not merged" in caplog.text
    assert samples()["done_total[('kind', 'a')]"] == 4
    dead_workers.merge(second, [])
    assert samples()["done_total[('kind', 'a')]"] == 4
    assert {file.name for file in folder.iterdir()} == {"counter_merged.db", "histogram_merged.db"}
