"""Reads one patient and runs the panels side by side; what goes wrong in a panel stays in that panel's box.

The searches run in threads that get plain data and never touch the database; building and rendering happen in the
thread of the request, in reading order.
"""

from __future__ import annotations

import logging
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextvars import copy_context
from dataclasses import dataclass, field, replace
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.utils import timezone

from launcher.current import LaunchAccess
from launcher.smart import scopes
from launcher.smart.errors import ErrorCode, SmartError
from launcher.smart.fhir import FhirError, Limits, Query, SearchResult, parse_patient
from launcher.tracing import new_reference
from patients import panel_states
from patients.panels import ChartContext, Fetched, Outcome, Panel, PanelQuery, PanelResult, Resource
from patients.readers.datatypes import Unreadable
from patients.readers.select import reader_for
from patients.readers.subject import is_about
from patients.readers.versions import newest_versions
from patients.records import Demographics
from patients.references import ReferenceReader

GRACE_SECONDS = 4.0
"""How long a panel may go on once all the others are done (contract, section 8, ruling 11)."""

HARD_STOP_SECONDS = 20.0
"""How long any panel may take."""

EARLY_SECONDS = 0.5
"""How long the panel summed up above all others may keep the first of them waiting."""

_READ_FAILURES: dict[str, ErrorCode] = {
    "unauthorized": "session_ended",
    "unreachable": "ehr_unreachable",
    "forbidden_address": "ehr_address_forbidden",
    "busy": "ehr_busy",
}
_SEARCH_FAILURES: dict[str, Outcome] = {"forbidden": "forbidden", "unsupported": "unsupported", "busy": "busy"}
_HARMLESS_OUTCOMES = {"information:informational", "success:informational", "success:success"}

logger = logging.getLogger("smartportal.chart")

Render = Callable[[Panel, PanelResult], str]


@dataclass(frozen=True, slots=True)
class Answered:
    """What a search brought, and the targets of its records' references, as sent."""

    found: SearchResult
    known: Mapping[str, Resource] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Box:
    """A panel, what is known about it, and its HTML."""

    panel: Panel
    result: PanelResult
    html: str


def read_patient(access: LaunchAccess) -> tuple[Resource, Demographics]:
    """The Patient of the launch, as sent and as a record. Raises SmartError as the contract's section 4 says."""
    try:
        body = access.fhir.read("Patient", access.patient_id)
    except FhirError as error:
        raise _as_smart_error(error) from error
    resource: Resource = parse_patient(body, access.patient_id)
    try:
        return resource, reader_for(access.version).demographics(resource, mrn_system=access.mrn_system)
    except Unreadable as error:
        raise SmartError("patient_unavailable", "the Patient could not be read", reason="unreadable") from error


def open_patient(access: LaunchAccess) -> tuple[LaunchAccess, Demographics]:
    """The Patient, read once more with newer tokens when the EHR refuses these; panels use the access that it was
    read with. A launch whose newest token is refused is over. Raises as `read_patient`.
    """
    try:
        return access, read_patient(access)[1]
    except SmartError as error:
        if error.code != "session_ended":
            raise
        refusal = error
    renewed = access.renewed()
    if renewed is not None:
        try:
            return renewed, read_patient(renewed)[1]
        except SmartError as error:
            if error.code != "session_ended":
                raise
    access.end("token-refused")
    raise refusal


def _as_smart_error(error: FhirError) -> SmartError:
    code = _READ_FAILURES.get(error.kind, "patient_unavailable")
    if code == "ehr_busy" and error.status == 503:
        code = "patient_unavailable"
    context: dict[str, str | int] = {"stage": "patient"}
    if error.status:
        context["status"] = error.status
    if code == "ehr_busy" and error.retry_after:
        context["retry_after"] = error.retry_after
    return SmartError(code, f"reading the Patient failed: {error.kind}", reason=error.reason, context=context)


def context_for(access: LaunchAccess, demographics: Demographics) -> ChartContext:
    """Of whom and when the chart speaks, in the time zone of the EHR's site (UTC if that is none)."""
    return ChartContext(
        patient_id=access.patient_id,
        base=access.iss,
        version=access.version,
        demographics=demographics,
        reader=reader_for(access.version),
        at=timezone.now().astimezone(_zone(access.time_zone)),
        encounter=access.encounter,
    )


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo("UTC")


class PanelRun:
    """All searches of some panels of one launch, started at once, one thread each."""

    def __init__(
        self, access: LaunchAccess, context: ChartContext, panels: Sequence[Panel], *, limits: Limits | None = None
    ) -> None:
        self._access = access
        self._context = context
        self.panels = panels
        self._limits = limits
        self._started = time.monotonic()
        self._references = ReferenceReader(access.fhir)
        self._finished: dict[Future[Answered], float] = {}
        self._futures: dict[tuple[str, PanelQuery], Future[Answered]] = {}
        self._start()

    def _start(self) -> None:
        wanted = [
            (panel.slug, query)
            for panel in self.panels
            for query in panel.queries.get(self._context.version, ())
            if self._granted(query)
        ]
        if not wanted:
            return
        executor = ThreadPoolExecutor(max_workers=len(wanted), thread_name_prefix="chart")
        try:
            for key in wanted:
                # With the context of this thread, so that what is asked can be written down.
                future = executor.submit(copy_context().run, self._search, key[1])
                future.add_done_callback(self._note_end)
                self._futures[key] = future
        except RuntimeError:
            # The process can bear no more threads: what has none is a panel that could not be loaded.
            logger.exception("not all searches of launch %s could be started", self._access.reference)
        # Nothing waits here: every search has its thread already, and the threads end with their searches.
        executor.shutdown(wait=False)

    def _search(self, query: PanelQuery) -> Answered:
        """One search and what its records refer to; runs in a thread of its own."""
        wanted = Query(query.resource, query.params).for_patient(self._context.patient_id)
        fhir = self._access.fhir
        found = fhir.search(wanted) if self._limits is None else fhir.search(wanted, self._limits)
        if query.reference is None:
            return Answered(found)
        return Answered(
            found,
            self._references.known_to(found, reference=query.reference, resource_type=query.refers_to),
        )

    def _granted(self, query: PanelQuery) -> bool:
        return scopes.may_search(self._access.granted_scope, self._access.requested_scope, query.resource)

    def _note_end(self, future: Future[Answered]) -> None:
        self._finished[future] = time.monotonic()

    @property
    def resource_types(self) -> set[str]:
        """What is searched for: the granted part of what the panels want."""
        return {query.resource for _, query in self._futures}

    def boxes(self, render: Render) -> Iterator[Box]:
        """Each panel as soon as it is there, in reading order."""
        for panel in self.panels:
            yield self.box(panel, render)

    def early(self, slug: str, render: Render) -> Box | None:
        """A panel out of its turn: None if its searches take noticeably longer than those of the first other panel."""
        mine, first = self._searches_of(slug), self._searches_of(self._first_but(slug))
        while pending := {future for future in mine if not future.done()}:
            behind = {future for future in first if not future.done()}
            limit = self._started + HARD_STOP_SECONDS
            if first and not behind:
                limit = min(limit, max(self._ended_at(future) for future in first) + EARLY_SECONDS)
            left = limit - time.monotonic()
            if left <= 0:
                return None
            wait(pending | behind, timeout=left, return_when=FIRST_COMPLETED)
        return self.box(next(panel for panel in self.panels if panel.slug == slug), render)

    def _searches_of(self, slug: str) -> set[Future[Answered]]:
        return {future for (name, _), future in self._futures.items() if name == slug}

    def _first_but(self, slug: str) -> str:
        """The first panel in reading order, besides this one, that has to wait for searches."""
        searching = {name for name, _ in self._futures} - {slug}
        return next((panel.slug for panel in self.panels if panel.slug in searching), "")

    def _ended_at(self, future: Future[Answered]) -> float:
        return self._finished.get(future, time.monotonic())

    def box(self, panel: Panel, render: Render) -> Box:
        """One panel, once its searches are done or out of time."""
        try:
            result = panel_states.assemble(panel, self._context, self._fetched(panel))
            if result.retry and not result.reference:
                result = replace(result, reference=new_reference())
                logger.warning(
                    "%s panel %s of launch %s is %s", result.reference, panel.slug, self._access.reference, result.state
                )
            return Box(panel, result, render(panel, result))
        except Exception as error:
            # Wide on purpose: a bug in one panel, ours or a plugin's, must neither take the others along nor look as if
            # there were no records.
            return self.failed_box(panel, render, error)

    def failed_box(self, panel: Panel, render: Render, error: Exception) -> Box:
        """The box of a panel that broke; logged once, without the error's text, which may quote a record."""
        reference = new_reference()
        frame = traceback.extract_tb(error.__traceback__)[-1:]
        place = " ".join(f"{each.filename}:{each.lineno} in {each.name}" for each in frame)
        logger.error(
            "%s panel %s of launch %s broke: %s at %s",
            reference,
            panel.slug,
            self._access.reference,
            type(error).__name__,
            place or "-",
        )
        result = replace(panel_states.failed(panel, self._context.at), reference=reference)
        return Box(panel, result, render(panel, result))

    def _fetched(self, panel: Panel) -> list[Fetched]:
        """What the panel's queries brought, once they are done or out of time."""
        queries = panel.queries.get(self._context.version, ())
        self._wait_for(panel)
        seen: set[tuple[object, object]] = set()
        return [self._one(panel, query, seen) for query in queries]

    def _wait_for(self, panel: Panel) -> None:
        while not self._is_over(panel):
            self._wait_for_any([panel])

    def next_ready(self, waiting: Sequence[Panel]) -> Panel:
        """The first of these, in their order, that can be built now; waits until there is one."""
        while True:
            for panel in waiting:
                if self._is_over(panel):
                    return panel
            self._wait_for_any(waiting)

    def _is_over(self, panel: Panel) -> bool:
        """Whether its searches are done, or out of time."""
        return all(future.done() for future in self._searches_of(panel.slug)) or self._left(panel) <= 0

    def _left(self, panel: Panel) -> float:
        others = set(self._futures.values()) - self._searches_of(panel.slug)
        return self._limit(others) - time.monotonic()

    def _wait_for_any(self, waiting: Sequence[Panel]) -> None:
        """Wait until some search ends, which may also shorten the time of the rest, or a panel is out of time."""
        running = {future for future in self._futures.values() if not future.done()}
        wait(running, timeout=max(0.0, min(self._left(panel) for panel in waiting)), return_when=FIRST_COMPLETED)

    def _limit(self, others: set[Future[Answered]]) -> float:
        """When to give a panel up: some seconds after all others, or at the hard stop."""
        hard_stop = self._started + HARD_STOP_SECONDS
        if not others or not all(future.done() for future in others):
            return hard_stop
        last = max(self._ended_at(future) for future in others)
        return min(hard_stop, last + GRACE_SECONDS)

    def _one(self, panel: Panel, query: PanelQuery, seen: set[tuple[object, object]]) -> Fetched:
        future = self._futures.get((panel.slug, query))
        if future is None:
            return Fetched(query=query, outcome="failed" if self._granted(query) else "forbidden")
        if not future.done():
            return Fetched(query=query, outcome="late")
        try:
            found = future.result()
        except FhirError as error:
            logger.info(
                "search of %s failed: %s %s (%s)", query.resource, error.kind, error.status, error.reason or "-"
            )
            return Fetched(query=query, outcome=_SEARCH_FAILURES.get(error.kind, "failed"))
        return self._admit(query, found, seen)

    def _admit(self, query: PanelQuery, answered: Answered, seen: set[tuple[object, object]]) -> Fetched:
        """Keep what is clearly about this patient, each resource once (pages and queries may overlap)."""
        found = answered.found
        kept: list[Resource] = []
        withheld = 0
        for resource in newest_versions(found.resources):
            key = (resource.get("resourceType"), resource.get("id"))
            if isinstance(key[1], str):
                if key in seen:
                    continue
                seen.add(key)
            if is_about(resource, self._context.patient_id, self._context.base):
                kept.append(resource)
            else:
                withheld += 1
        return Fetched(
            query=query,
            resources=tuple(kept),
            withheld=withheld,
            unreadable=found.unreadable,
            warned=bool(set(found.outcomes) - _HARMLESS_OUTCOMES),
            truncated=found.truncated,
            total=found.total,
            known=answered.known,
            short=not found.truncated and (found.total or 0) > len(found.resources) + found.unreadable,
        )
