"""Reads from an EHR's FHIR server, below its base alone: one resource, or a search with its pages, within limits.

FHIR R4, "RESTful API" and "Search" (https://hl7.org/fhir/R4/search.html); DSTU2 and STU3 alike. Failure is never
emptiness: whatever is not a proper answer is a `FhirError`, and whatever is incomplete says so.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NoReturn
from urllib.parse import quote, urlencode

from launcher.smart import bundles
from launcher.smart.answer import Answer
from launcher.smart.bundles import OPERATION_OUTCOME, Resource
from launcher.smart.errors import SmartError
from launcher.smart.fhir_version import FhirVersion
from launcher.smart.foreign_text import is_fhir_id
from launcher.smart.http import Door
from launcher.smart.origins import is_below, join, parse_base
from launcher.smart.quirks import STANDARD, Quirks
from launcher.smart.secret import Secret
from launcher.smart.strict_json import JsonError, parse

SEARCH_SECONDS = 15.0

FhirErrorKind = Literal[
    "forbidden", "unauthorized", "unsupported", "not_found", "busy", "failed", "unreachable", "forbidden_address"
]
Truncated = Literal["", "entries", "pages", "deadline", "next_refused", "loop"]

_KINDS: Mapping[int, FhirErrorKind] = {401: "unauthorized", 403: "forbidden", 429: "busy", 503: "busy"}
_SEARCH_KINDS: Mapping[int, FhirErrorKind] = {**_KINDS, 404: "unsupported", 501: "unsupported"}
_READ_KINDS: Mapping[int, FhirErrorKind] = {**_KINDS, 404: "not_found", 410: "not_found"}
_DOOR_KINDS: Mapping[str, FhirErrorKind] = {
    "ehr_unreachable": "unreachable",
    "ehr_address_forbidden": "forbidden_address",
    "ehr_busy": "busy",
}


class FhirError(Exception):
    """A request that brought nothing to show. `status` is 0 without an answer, `retry_after` in seconds if told."""

    def __init__(
        self, kind: FhirErrorKind, *, status: int = 0, reason: str = "", retry_after: int | None = None
    ) -> None:
        super().__init__(" ".join(filter(None, (kind, str(status or ""), reason))))
        self.kind: FhirErrorKind = kind
        self.status = status
        self.reason = reason
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True)
class Query:
    """A search as data: a resource type and its parameters. "{patient}" in a value stands for the patient's id."""

    resource: str
    params: tuple[tuple[str, str], ...] = ()

    def for_patient(self, patient_id: str) -> Query:
        """The same with the id filled in."""
        return Query(
            self.resource, tuple((name, value.replace("{patient}", patient_id)) for name, value in self.params)
        )


@dataclass(frozen=True, slots=True)
class Limits:
    """How far the pages of one search are followed."""

    entries: int = 2000
    pages: int = 50


LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class SearchResult:
    """What a search brought: resources of the type asked for, and everything one must know before calling it complete.

    `unreadable` counts entries without a resource. `outcomes` are "severity:code" of the server's own remarks. `total`
    is the server's count if it gave one. `truncated` says why not all pages were read. `included` are resources of
    other types that came along, by `fullUrl` and "Type/id".
    """

    resources: tuple[Resource, ...] = ()
    unreadable: int = 0
    outcomes: tuple[str, ...] = ()
    total: int | None = None
    truncated: Truncated = ""
    included: Mapping[str, Resource] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class FhirClient:
    """Reads for one launch with its token. Holds no state: any number of threads may use one client.

    `page_size` is asked for with each search that names none (`_count`); 0 leaves that to the server.
    """

    door: Door
    base: str
    version: FhirVersion
    quirks: Quirks = STANDARD
    page_size: int = 0
    token: Secret | None = None
    correlation_id: str = ""

    def read(self, resource_type: str, resource_id: str) -> Resource:
        """`GET [base]/[type]/[id]`: a JSON object with a `resourceType`, which may still be another one or a Bundle.

        Raises `FhirError`; an OperationOutcome in place of the resource is "failed", reason "outcome".
        """
        if not is_fhir_id(resource_id):
            raise FhirError("failed", reason="id")
        answer = self._get(f"{self._root}/{resource_type}/{resource_id}", seconds=SEARCH_SECONDS)
        return _resource(answer, _READ_KINDS)

    def local_id(self, reference: str, resource_type: str) -> str:
        """The id when a reference leads to a resource of this type below our FHIR base, else "".

        Relative and absolute references count, with a version or without (FHIR R4, "References between Resources").
        """
        try:
            target = parse_base(join(self.base, reference)).segments
            own = parse_base(self.base).segments
        except ValueError:
            return ""
        if not is_below(join(self.base, reference), self.base):
            return ""
        parts = target[len(own) :]
        plain = len(parts) == 2 or (len(parts) == 4 and parts[2] == "_history")
        return parts[1] if plain and parts[0] == resource_type and is_fhir_id(parts[1]) else ""

    def fetch(self, path: str, *, accept: str) -> Answer:
        """`GET [base]/[path]` for a document's bytes, whatever their type. Raises `FhirError`."""
        answer = self._get(f"{self._root}/{path}", seconds=SEARCH_SECONDS, accept=accept)
        _require_success(answer, _READ_KINDS)
        return answer

    def search(self, query: Query, limits: Limits = LIMITS) -> SearchResult:
        """Search and follow the pages to 2,000 entries, 50 pages or 15 seconds in all. Raises `FhirError`.

        A page that fails fails the search; only the limits, a `next` that leaves the base, and a loop give a part.
        """
        run = _Run(limits)
        until = time.monotonic() + SEARCH_SECONDS
        url = self._search_url(query)
        while url:
            run.visited.add(url)
            page = self._page(url, query, until=until, first=len(run.visited) == 1)
            if page is None:
                return run.result("deadline")
            run.take(page)
            if len(run.resources) > limits.entries or (page.next and len(run.resources) == limits.entries):
                return run.result("entries")
            if not page.next:
                return run.result("")
            url, stop = self._next(url, page.next, run)
            if stop:
                return run.result(stop)
        return run.result("")

    def _page(self, url: str, query: Query, *, until: float, first: bool) -> bundles.Page | None:
        """One page; None when the time for all pages is up."""
        left = until - time.monotonic()
        if left <= 0:
            return None
        try:
            answer = self._get(url, seconds=left)
        except FhirError as error:
            if not first and error.reason == "timeout" and time.monotonic() >= until:
                return None
            raise
        body = _resource(answer, _SEARCH_KINDS)
        if body["resourceType"] != "Bundle":
            _fail(answer, "content")
        return bundles.read_page(body, query.resource)

    def _next(self, url: str, written: str, run: _Run) -> tuple[str, Truncated]:
        """The next page's address, or why it is not asked for. The token goes nowhere but below the base."""
        try:
            # "?page=2" belongs to the page it stands on; any other relative address to the base (FHIR R4, Bundle.link).
            following = join(self.base, f"{url.partition('?')[0]}{written}" if written[0] == "?" else written)
        except ValueError:
            return "", "next_refused"
        if not is_below(following, self.base):
            return "", "next_refused"
        if following in run.visited:
            return "", "loop"
        return (following, "") if len(run.visited) < run.limits.pages else ("", "pages")

    @property
    def _root(self) -> str:
        return self.base.removesuffix("/")

    def _search_url(self, query: Query) -> str:
        path, params = query.resource, query.params
        if self.quirks.search_style == "compartment":
            patient = next((value for name, value in params if name == "patient"), "").removeprefix("Patient/")
            if is_fhir_id(patient):
                path = f"Patient/{patient}/{query.resource}"
                params = tuple((name, value) for name, value in params if name != "patient")
        if self.page_size and all(name != "_count" for name, _ in params):
            params = (*params, ("_count", str(self.page_size)))
        encoded = urlencode(params, quote_via=quote, safe=",:")
        return f"{self._root}/{path}" + (f"?{encoded}" if encoded else "")

    def _get(self, url: str, *, seconds: float, accept: str = "") -> Answer:
        try:
            return self.door.get_fhir(
                url,
                token=self.token,
                accept=accept or self._accept,
                seconds=seconds,
                correlation_id=self.correlation_id,
            )
        except SmartError as error:
            kind = _DOOR_KINDS.get(error.code, "failed")
            wait = error.context.get("retry_after")
            raise FhirError(kind, reason=error.reason, retry_after=int(wait) if wait else None) from None

    @property
    def _accept(self) -> str:
        old = self.version is FhirVersion.DSTU2
        preferred = self.quirks.accept or ("application/json+fhir" if old else "application/fhir+json")
        return f"{preferred}, application/json;q=0.9"


@dataclass(slots=True)
class _Run:
    """A search under way."""

    limits: Limits
    resources: list[Resource] = field(default_factory=list)
    visited: set[str] = field(default_factory=set)
    unreadable: int = 0
    outcomes: list[str] = field(default_factory=list)
    total: int | None = None
    included: dict[str, Resource] = field(default_factory=dict)

    def take(self, page: bundles.Page) -> None:
        self.resources += page.resources
        self.unreadable += page.unreadable
        self.outcomes += [outcome for outcome in page.outcomes if outcome not in self.outcomes]
        self.total = page.total if self.total is None else self.total
        self.included.update(page.included)

    def result(self, truncated: Truncated) -> SearchResult:
        return SearchResult(
            resources=tuple(self.resources[: self.limits.entries]),
            unreadable=self.unreadable,
            outcomes=tuple(self.outcomes),
            total=self.total,
            truncated=truncated,
            included=self.included,
        )


def _resource(answer: Answer, kinds: Mapping[int, FhirErrorKind]) -> Resource:
    """The resource in a good answer; whatever else came is a `FhirError`."""
    _require_success(answer, kinds)
    try:
        body: Any = parse(answer.body)
    except JsonError as error:
        _fail(answer, error.reason)
    if not isinstance(body, dict) or not isinstance(body.get("resourceType"), str):
        _fail(answer, "content")
    if body["resourceType"] == OPERATION_OUTCOME:
        _fail(answer, "outcome")
    return body


def _require_success(answer: Answer, kinds: Mapping[int, FhirErrorKind]) -> None:
    if answer.status != 200:
        kind = kinds.get(answer.status, "failed")
        wait = answer.retry_after if kind == "busy" else None
        raise FhirError(kind, status=answer.status, reason="status", retry_after=wait)


def _fail(answer: Answer, reason: str) -> NoReturn:
    raise FhirError("failed", status=answer.status, reason=reason) from None


@dataclass(frozen=True, slots=True)
class Binary:
    """A Binary resource: its base64 text as sent, and its media type in lower case."""

    data: str
    content_type: str


def parse_binary(body: bytes) -> Binary:
    """Read a Binary resource (`data`; DSTU2 `content`); ValueError for anything else."""
    try:
        found: Any = parse(body)
    except JsonError as error:
        raise ValueError(f"not readable as JSON: {error.reason}") from None
    if not isinstance(found, dict) or found.get("resourceType") != "Binary":
        raise ValueError("the answer is no Binary")
    data, kind = found.get("data", found.get("content")), found.get("contentType")
    if not isinstance(data, str):
        raise ValueError("the Binary holds no data")
    return Binary(data, kind.partition(";")[0].strip().lower() if isinstance(kind, str) else "")


def parse_patient(body: object, patient_id: str) -> Resource:
    """The Patient with this id: `body` itself, or the only Patient of a Bundle (some servers answer a read so).

    Raises `patient_mismatch` for another id or type, `patient_unavailable` for an OperationOutcome or no resource.
    """
    if not isinstance(body, dict) or not isinstance(body.get("resourceType"), str):
        raise SmartError("patient_unavailable", "the answer is not a FHIR resource", reason="content")
    found = bundles.resources_of(body) if body["resourceType"] == "Bundle" else [body]
    patients = [resource for resource in found if resource.get("resourceType") == "Patient"]
    if not patients and any(resource.get("resourceType") == OPERATION_OUTCOME for resource in found):
        raise SmartError("patient_unavailable", "the answer is an OperationOutcome", reason="outcome")
    if len(patients) != 1:
        raise SmartError("patient_mismatch", f"the answer holds {len(patients)} patients", reason="type")
    if patients[0].get("id") != patient_id:
        raise SmartError("patient_mismatch", "the answer is another patient", reason="id")
    return patients[0]
