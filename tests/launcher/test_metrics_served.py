"""/metrics as gunicorn serves it: whichever worker is asked, it speaks for all of them."""

from __future__ import annotations

import http.client
import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import quote

import pytest
from prometheus_client.parser import text_string_to_metric_families

from benchmarks.served import HOST, SLUG, Pair, served
from tests.smart.misbehaving import wait_until

SENT = ("smartportal_launches_total", SLUG, "sent")
UNKNOWN = ("smartportal_launches_total", "", "refused")


@pytest.fixture(scope="module")
def temporary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("gunicorn")


@pytest.fixture(scope="module")
def pair(temporary: Path) -> Iterator[Pair]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TMPDIR", str(temporary))
        with served(workers=2, threads=2) as found:
            yield found
    assert not list(temporary.glob("smartportal-metrics-*")), "the master takes its folder away"


def fetch(pair: Pair, path: str) -> tuple[int, str]:
    """By a connection of its own, which either worker may take."""
    connection = http.client.HTTPConnection(HOST, pair.product, timeout=20)
    connection.request("GET", path)
    answer = connection.getresponse()
    body = answer.read().decode()
    connection.close()
    return answer.status, body


def scrape(pair: Pair) -> dict[tuple[str, str, str], float]:
    """Counted launches by name, EHR and outcome."""
    status, text = fetch(pair, "/metrics")
    assert status == 200
    return {
        (sample.name, sample.labels["ehr"], sample.labels["outcome"]): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if "outcome" in sample.labels
    }


def workers(pair: Pair) -> set[int]:
    """The process ids of those that run."""
    return {int(pid) for pid in Path(f"/proc/{pair.pid}/task/{pair.pid}/children").read_text().split()}


def workers_that_counted(temporary: Path) -> set[int]:
    """The process ids in the names of the files that workers count in."""
    return {int(path.stem.rpartition("_")[2]) for path in temporary.glob("smartportal-metrics-*/counter_*.db")}


def test_workers_count_together_and_go_on_when_one_of_them_dies(pair: Pair, temporary: Path) -> None:
    launch = f"/launch?iss={quote(pair.iss, safe='')}&launch=x"
    unknown = "/launch?iss=https%3A%2F%2Funknown.example.org&launch=x"
    sent = refused = 0
    with ThreadPoolExecutor(8) as pool:
        while len(workers_that_counted(temporary)) < 2 and sent < 400:
            assert {status for status, _ in pool.map(lambda path: fetch(pair, path), [launch] * 16)} == {302}
            assert {status for status, _ in pool.map(lambda path: fetch(pair, path), [unknown] * 4)} == {403}
            sent, refused = sent + 16, refused + 4
        counting = workers_that_counted(temporary)
        assert len(counting) == 2, "both workers have served launches"
        for figures in pool.map(lambda _: scrape(pair), range(24)):
            assert (figures[SENT], figures[UNKNOWN]) == (sent, refused)

        os.kill(min(counting), signal.SIGKILL)
        assert wait_until(lambda: not Path(f"/proc/{min(counting)}").exists(), seconds=10)
        figures = scrape(pair)
        assert (figures[SENT], figures[UNKNOWN]) == (sent, refused), "what it had counted is kept"
        assert fetch(pair, launch)[0] == 302
        assert scrape(pair)[SENT] == sent + 1


def test_a_reload_keeps_what_was_counted(pair: Pair, temporary: Path) -> None:
    before, old = scrape(pair).get(SENT, 0), workers(pair)
    folder = list(temporary.glob("smartportal-metrics-*"))
    os.kill(pair.pid, signal.SIGHUP)
    assert wait_until(lambda: len(workers(pair)) == 2 and not workers(pair) & old, seconds=20)
    assert fetch(pair, f"/launch?iss={quote(pair.iss, safe='')}&launch=x")[0] == 302
    assert list(temporary.glob("smartportal-metrics-*")) == folder
    assert scrape(pair)[SENT] == before + 1
