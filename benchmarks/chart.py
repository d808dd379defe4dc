"""How long a provider waits: `make bench-chart`.

Every EHR request takes 100 ms. After the callback is called, nothing can be faster than the token request and the
Patient read in a row, and after those the slowest panel's own requests: the product is measured against these.
"""

from __future__ import annotations

import argparse
import http.client
import statistics
import sys
import time
from collections.abc import Callable

from benchmarks.served import HOST, Pair, served
from benchmarks.visits import Browser, Visit

DELAY = 0.1
BOUND = 1.15
SLOW_PAGES = 8


def _visits(pair: Pair, rounds: int) -> list[Visit]:
    found = []
    for number in range(rounds + 3):
        browser = Browser(pair)
        found.append(browser.visit(f"p{number}"))
        browser.close()
    # The first few warm up workers, pools and the discovery cache.
    return found[3:]


def _round_trip(pair: Pair) -> float:
    """What one EHR request takes a client that does nothing else, on a connection that is open already."""
    connection = http.client.HTTPConnection(HOST, pair.ehr, timeout=10)
    taken = []
    for _ in range(11):
        started = time.perf_counter()
        connection.request("GET", "/fhir/Patient/p1")
        connection.getresponse().read()
        taken.append(time.perf_counter() - started)
    connection.close()
    return statistics.median(taken[1:])


def _middle(visits: list[Visit], pick: Callable[[Visit], float]) -> tuple[float, float]:
    values = sorted(pick(visit) for visit in visits)
    return statistics.median(values), values[int(len(values) * 0.95)]


def _line(name: str, measured: tuple[float, float], least: float, bound: float) -> bool:
    median, slow = measured
    good = median <= bound * least
    sys.stdout.write(
        f"{name:<46} median {median * 1000:6.0f} ms   95 % {slow * 1000:6.0f} ms   "
        f"least possible {least * 1000:5.0f} ms   "
        f"x {median / least:4.2f} {'' if good else f'  MISSED (bound {bound})'}\n"
    )
    return good


def main() -> None:
    """Measure, print, and exit with 1 when a bound is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=20)
    rounds = parser.parse_args().rounds
    with served() as pair:
        pair.tell_ehr(delay=DELAY)
        trip = _round_trip(pair)
        plain = _visits(pair, rounds)
        pair.tell_ehr(delay=DELAY, conditions=160, slow="Condition", slow_pages=SLOW_PAGES)
        paged = _visits(pair, rounds)
        pair.tell_ehr(delay=DELAY, hang="MedicationRequest")
        hanging = _visits(pair, 1)
    results = [
        _line("banner, after the callback", _middle(plain, lambda visit: visit.banner), 2 * trip, BOUND),
        _line(
            f"whole page, slowest panel has {SLOW_PAGES} pages",
            _middle(paged, lambda visit: visit.whole - visit.banner),
            SLOW_PAGES * trip,
            BOUND,
        ),
        _line("conditions, while medications hang", _middle(hanging, _conditions), 3 * trip, 2 * BOUND),
    ]
    states = hanging[0].states
    sys.stdout.write(f"while medications hang: {', '.join(f'{name} {state}' for name, state in states.items())}\n")
    sys.exit(0 if all(results) and states["medications"] == "failed" else 1)


def _conditions(visit: Visit) -> float:
    return visit.panels["conditions"]


if __name__ == "__main__":
    main()
