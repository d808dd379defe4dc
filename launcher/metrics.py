"""What this process counts for Prometheus: launches, refreshes, panels, requests to EHRs, errors (docs/metrics.md).

Labels are of closed sets: names of registrations and sites, codes, panels, states. Nothing about a patient or a person,
nothing that came from outside. With several workers prometheus_client keeps the figures in files that all of them read.
"""

from __future__ import annotations

import functools
import logging
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, ParamSpec

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector

from launcher.smart import circuit, conduct
from launcher.smart.circuit import Ehr
from launcher.smart.conduct import Figure

P = ParamSpec("P")
LaunchOutcome = Literal["sent", "opened", "refused", "failed"]
RefreshOutcome = Literal["refreshed", "postponed", "ended"]

_SECONDS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 15.0, 20.0)
_EHR = ("site", "ehr")

logger = logging.getLogger("smartportal.metrics")


@dataclass(frozen=True, slots=True)
class Stopwatch:
    """Runs from when it is made, for one request about a launch of this registration."""

    site: str
    ehr: str
    _began: float = field(default_factory=time.monotonic)

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._began


# When a series began is of use to no rule here, and would double their number.
disable_created_metrics()  # type: ignore[no-untyped-call]
_OURS = CollectorRegistry()

_LAUNCHES = Counter(
    "smartportal_launches",
    "Launches by how far they came: sent to the EHR, opened, refused, failed.",
    (*_EHR, "outcome", "stage", "code"),
    registry=_OURS,
)
_ERRORS = Counter("smartportal_errors", "Error pages by stage and code.", (*_EHR, "stage", "code"), registry=_OURS)
_REFRESHES = Counter(
    "smartportal_token_refreshes",
    "Refreshes of access tokens: refreshed, postponed (the old token stays), ended (the session is over).",
    (*_EHR, "outcome"),
    registry=_OURS,
)
_BANNER = Histogram(
    "smartportal_banner_seconds",
    "From a chart's request to its patient banner.",
    _EHR,
    buckets=_SECONDS,
    registry=_OURS,
)
_PANEL = Histogram(
    "smartportal_panel_seconds",
    "From a chart's request to a panel that can be sent, by how the panel ended.",
    ("panel", "state"),
    buckets=_SECONDS,
    registry=_OURS,
)
_EHR_SECONDS = Histogram(
    "smartportal_ehr_request_seconds",
    "How long requests to EHRs took, whatever came of them.",
    (*_EHR, "kind"),
    buckets=_SECONDS,
    registry=_OURS,
)
_EHR_REQUESTS = Counter(
    "smartportal_ehr_requests", "Requests to EHRs by what came of them.", (*_EHR, "kind", "result"), registry=_OURS
)
_CIRCUITS = Gauge(
    "smartportal_ehr_circuits_open",
    "Circuits that are open now, over all workers: hosts of an EHR that a worker leaves alone for a moment.",
    _EHR,
    registry=_OURS,
    multiprocess_mode="livesum",
)


def _aside(count: Callable[P, None]) -> Callable[P, None]:
    """Figures must never stand in the way of a chart, whatever becomes of the files they are kept in."""

    @functools.wraps(count)
    def counted(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            count(*args, **kwargs)
        except Exception as error:  # wide on purpose, as said
            logger.warning("something was not counted: %s", type(error).__name__)

    return counted


@_aside
def note_launch(*, site: str, ehr: str, outcome: LaunchOutcome, stage: str, code: str = "") -> None:
    """One launch came so far; `ehr` is "" while nobody knows which EHR it is from."""
    _LAUNCHES.labels(site, ehr, outcome, stage, code).inc()


@_aside
def note_error(*, site: str, ehr: str, stage: str, code: str, failed: bool) -> None:
    """An error became a page; in a launch that is the launch's end. `failed`: not by the caller's own doing."""
    _ERRORS.labels(site, ehr, stage, code).inc()
    if stage in {"launch", "callback"}:
        note_launch(site=site, ehr=ehr, outcome="failed" if failed else "refused", stage=stage, code=code)


@_aside
def note_refresh(*, site: str, ehr: str, outcome: RefreshOutcome) -> None:
    _REFRESHES.labels(site, ehr, outcome).inc()


@_aside
def note_banner(stopwatch: Stopwatch) -> None:
    """A banner can be sent."""
    _BANNER.labels(stopwatch.site, stopwatch.ehr).observe(stopwatch.seconds)


@_aside
def note_panel(stopwatch: Stopwatch, *, panel: str, state: str) -> None:
    """A panel can be sent, in this state."""
    _PANEL.labels(panel, state).observe(stopwatch.seconds)


@_aside
def _note_exchange(figure: Figure) -> None:
    ehr = figure.ehr
    _EHR_REQUESTS.labels(ehr.site, ehr.slug, figure.kind, figure.result).inc()
    if figure.result != "circuit":
        # Nobody was asked: such a moment would make a slow EHR look like a fast one.
        _EHR_SECONDS.labels(ehr.site, ehr.slug, figure.kind).observe(figure.seconds)


@_aside
def _note_circuit(ehr: Ehr, is_open: bool) -> None:
    _CIRCUITS.labels(ehr.site, ehr.slug).inc(1 if is_open else -1)


def listen() -> None:
    """Be told of requests to EHRs and of their circuits from now on."""
    conduct.listen(_note_exchange)
    circuit.listen(_note_circuit)


def counted() -> bytes:
    """All that was counted, by all workers, as text (Prometheus text format 0.0.4)."""
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return generate_latest(_OURS)
    everybody = CollectorRegistry()
    MultiProcessCollector(everybody)  # type: ignore[no-untyped-call]
    return generate_latest(everybody)
