"""Finds out where an EHR's OAuth endpoints are: its SMART configuration, or the older way, its conformance statement.

SMART App Launch 2.2, "Conformance" (`.well-known/smart-configuration`); 1.0, "Conformance" (`/metadata` with the
extension `oauth-uris`). A document that cannot be used is passed over for the other one; a document that names a
dangerous or unapproved endpoint ends the search, because it is the EHR's own word.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal

from launcher.smart import brands, conformance
from launcher.smart.answer import Answer
from launcher.smart.errors import SmartError
from launcher.smart.fhir_version import FhirVersion
from launcher.smart.foreign_text import plain, words
from launcher.smart.http import Door
from launcher.smart.origins import join, origin_of, parse_base
from launcher.smart.registration import ClientRegistration
from launcher.smart.strict_json import JsonError, JsonValue, parse

Source = Literal["well-known", "metadata"]

WELL_KNOWN = ".well-known/smart-configuration"
WELL_KNOWN_BYTES = 256 * 1024
# Real conformance statements reach 405 kB.
METADATA_BYTES = 2 * 1024 * 1024
TOTAL_SECONDS = 9.5
# Some EHRs take seconds to say that they have no SMART configuration.
FIRST_SECONDS = 5.0

_ASSUMED = "version_assumed"
_OPENID_SUFFIX = "/.well-known/openid-configuration"
_BUNDLE = "user_access_brand_bundle"
_REQUIRED = ("authorization_endpoint", "token_endpoint")
# Refuse the launch for these; the other endpoints are only used when they are approved.
_SENSITIVE = (*_REQUIRED, "jwks_uri")
_LISTS = (
    "capabilities",
    "scopes_supported",
    "code_challenge_methods_supported",
    "token_endpoint_auth_methods_supported",
    "token_endpoint_auth_signing_alg_values_supported",
    "grant_types_supported",
)
# These are the EHR's own word: another document must not overrule them.
_FINAL = {"endpoint_scheme", "endpoint_malformed", "host_unapproved"}
# A JSON document at the SMART configuration's own address is meant to be one: its gaps are not filled from elsewhere.
_FINAL_FOR_WELL_KNOWN = {"endpoint_missing", "content"}
_SILENT = {"ehr_unreachable", "ehr_busy"}


@dataclass(frozen=True, slots=True, kw_only=True)
class SmartConfiguration:
    """What an EHR publishes about itself; endpoints are absolute and approved, "" or () where it says nothing.

    `fhir_version` is None only if neither the registration nor the EHR names one that we know. `resources` are the
    resource types of its conformance statement, when that was read. The bundle of User-access Brands may lie anywhere:
    it is public reading, asked for by nothing in a launch; its identifier is written "system|value". `notes` are
    machine words for administrators: "version_assumed:<why>", "dropped:<endpoint>".
    """

    authorization_endpoint: str
    token_endpoint: str
    issuer: str = ""
    jwks_uri: str = ""
    introspection_endpoint: str = ""
    revocation_endpoint: str = ""
    user_access_brand_bundle: str = ""
    user_access_brand_identifier: str = ""
    capabilities: tuple[str, ...] = ()
    scopes_supported: tuple[str, ...] = ()
    code_challenge_methods_supported: tuple[str, ...] = ()
    token_endpoint_auth_methods_supported: tuple[str, ...] = ()
    token_endpoint_auth_signing_alg_values_supported: tuple[str, ...] = ()
    grant_types_supported: tuple[str, ...] = ()
    iss_parameter_supported: bool = False
    fhir_version: FhirVersion | None = None
    source: Source = "well-known"
    resources: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def version_assumed(self) -> bool:
        """Whether the FHIR version is a guess: neither the registration nor the EHR's documents named one."""
        return self.fhir_version is None or any(note.partition(":")[0] == _ASSUMED for note in self.notes)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values, for the cache and for the snapshot of a launch."""
        values = {each.name: getattr(self, each.name) for each in fields(self)}
        return {
            name: list(value) if isinstance(value, tuple) else str(value) if isinstance(value, FhirVersion) else value
            for name, value in values.items()
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> SmartConfiguration:
        """The inverse of `to_json`; unknown names are left out, missing ones get their default."""
        known = {each.name for each in fields(cls)}
        values: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in stored.items() if name in known
        }
        version = values.get("fhir_version")
        values["fhir_version"] = FhirVersion(version) if version else None
        return cls(**values)


@dataclass(frozen=True, slots=True)
class _Document:
    """One readable document: its endpoints as written, and everything else ready for use."""

    source: Source
    endpoints: Mapping[str, str]
    lists: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    issuer: str = ""
    brand_identifier: str = ""
    iss_parameter_supported: bool = False
    fhir_version: FhirVersion | None = None
    resources: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Found:
    """What asking for one document came to: the document and the configuration in it, or why there is none."""

    source: Source
    document: _Document | None = None
    configuration: SmartConfiguration | None = None
    error: SmartError | None = None


def discover(door: Door, registration: ClientRegistration) -> SmartConfiguration:
    """Read the EHR's documents, in the order of the registration's quirks, within ten seconds in all.

    Raises `discovery_failed` if an answer came and none is usable, `ehr_unreachable` if none came, and
    `ehr_address_forbidden`. With the FHIR version not registered, the conformance statement is fetched beside the SMART
    configuration; if only that statement fails, the version is taken to be R4, which nearly all servers that publish a
    SMART configuration speak, and `notes` says so.
    """
    ask = _Asker(door, registration, until=time.monotonic() + TOTAL_SECONDS)
    order: tuple[Source, ...] = registration.quirks.discovery
    if registration.fhir_version is None and "well-known" in order:
        found = _both(ask, order)
    else:
        found = _one_after_the_other(ask, order)
    usable = [each.configuration for each in found if each.configuration is not None]
    if not usable or _final_error(found):
        raise _worst(found)
    return _with_version(_merged(usable), registration, found)


def read_open_server(door: Door, registration: ClientRegistration) -> SmartConfiguration:
    """What a server without a sign-in says of itself: version and resource types, and no endpoints.

    Raises as `discover`; the version is settled as there.
    """
    found = _Asker(door, registration, until=time.monotonic() + TOTAL_SECONDS).statement()
    if found.error is not None:
        raise found.error
    nothing = SmartConfiguration(authorization_endpoint="", token_endpoint="", source="metadata")
    return _with_version(nothing, registration, [found])


def _one_after_the_other(ask: _Asker, order: tuple[Source, ...]) -> list[_Found]:
    found: list[_Found] = []
    for source in order:
        found.append(ask(source, seconds=FIRST_SECONDS if len(order) > len(found) + 1 else TOTAL_SECONDS))
        if found[-1].configuration is not None or _final_error(found):
            break
    return found


def _both(ask: _Asker, order: tuple[Source, ...]) -> list[_Found]:
    """Ask for both at once. A conformance statement that is not in the order serves for the version alone."""
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="discovery") as executor:
        # With its context, so that whoever writes exchanges down gets this one too.
        beside: Future[_Found] = executor.submit(copy_context().run, ask, "metadata")
        well_known = ask("well-known")
        metadata = beside.result()
    if "metadata" not in order:
        metadata = replace(metadata, configuration=None, error=None if metadata.document else metadata.error)
    by_source = {"well-known": well_known, "metadata": metadata}
    return [by_source[source] for source in dict.fromkeys((*order, "metadata"))]


class _Asker:
    """Asks one EHR for one document at a time and turns every outcome into a `_Found`."""

    def __init__(self, door: Door, registration: ClientRegistration, *, until: float) -> None:
        self._door = door
        self._registration = registration
        self._base = parse_base(registration.iss)
        self._until = until

    def __call__(self, source: Source, seconds: float = TOTAL_SECONDS) -> _Found:
        document = None
        fetch = self._well_known if source == "well-known" else self._metadata
        try:
            document = fetch(seconds)
            return _Found(source, document, self._configuration(document))
        except SmartError as error:
            return _Found(source, document, error=error)

    def statement(self) -> _Found:
        """The conformance statement alone, whether it names endpoints or not."""
        try:
            return _Found("metadata", self._metadata(TOTAL_SECONDS))
        except SmartError as error:
            return _Found("metadata", error=error)

    def _well_known(self, seconds: float) -> _Document:
        body = self._json(self._get(WELL_KNOWN, "application/json", WELL_KNOWN_BYTES, seconds), "well-known")
        return _read_well_known(body)

    def _metadata(self, seconds: float) -> _Document:
        accept = self._registration.quirks.accept or _ACCEPT_METADATA.get(
            self._registration.fhir_version, _ACCEPT_METADATA[None]
        )
        answer = self._get("metadata", accept, METADATA_BYTES, seconds)
        if _is_xml(answer):
            answer = self._get("metadata?_format=json", accept, METADATA_BYTES, seconds)
        body = self._json(answer, "metadata")
        statement = conformance.read(body)
        if statement is None:
            raise self._failed("metadata", "content", "is not a conformance statement")
        return _Document(
            source="metadata",
            endpoints=statement.endpoints,
            fhir_version=statement.fhir_version,
            resources=statement.resources,
        )

    def _get(self, path: str, accept: str, max_bytes: int, seconds: float) -> Answer:
        left = min(seconds, self._until - time.monotonic())
        if left <= 0:
            raise SmartError("ehr_unreachable", f"{self._base.host}: no time left for discovery", reason="timeout")
        at_root = self._registration.quirks.well_known_at_host_root and path == WELL_KNOWN
        root = str(self._base.origin) if at_root else self._registration.iss.removesuffix("/")
        url = f"{root}/{path}"
        return self._door.get(url, accept=accept, max_bytes=max_bytes, failure="discovery_failed", seconds=left)

    def _json(self, answer: Answer, source: Source) -> dict[str, JsonValue]:
        if answer.status != 200:
            reason = "missing" if answer.status in {404, 410} else "status"
            raise self._failed(source, reason, f"answered with status {answer.status}", status=answer.status)
        try:
            body = parse(answer.body)
        except JsonError as error:
            raise self._failed(source, error.reason, f"is not acceptable JSON ({error.reason})") from None
        if not isinstance(body, dict):
            raise self._failed(source, "content", "is not a JSON object")
        return body

    def _configuration(self, document: _Document) -> SmartConfiguration:
        values: dict[str, Any] = {**document.lists}
        for name in _SENSITIVE:
            values[name] = self._endpoint(document, name)
        notes: list[str] = []
        for name in ("introspection_endpoint", "revocation_endpoint"):
            try:
                values[name] = self._endpoint(document, name)
            except SmartError:
                notes.append(f"dropped:{name}")
        values["user_access_brand_bundle"] = self._bundle(document, notes)
        return SmartConfiguration(
            **values,
            issuer=document.issuer,
            user_access_brand_identifier=document.brand_identifier,
            iss_parameter_supported=document.iss_parameter_supported,
            fhir_version=document.fhir_version,
            source=document.source,
            resources=document.resources,
            notes=tuple(notes),
        )

    def _bundle(self, document: _Document, notes: list[str]) -> str:
        """The address of the EHR's own brands, absolute; it is public reading and needs no approval to be named."""
        written = document.endpoints.get(_BUNDLE, "")
        try:
            url = join(self._base, written) if written else ""
            if url and origin_of(url).scheme != "https" and self._base.scheme == "https":
                raise ValueError("without TLS")
        except ValueError:
            notes.append(f"dropped:{_BUNDLE}")
            return ""
        return url

    def _endpoint(self, document: _Document, name: str) -> str:
        """One endpoint, absolute and approved; relative ones lie below the FHIR base (SMART App Launch 2.2)."""
        written = document.endpoints.get(name, "")
        if not written:
            if name in _REQUIRED:
                raise self._failed(document.source, "endpoint_missing", f"names no {name}", endpoint=name)
            return ""
        try:
            url = join(self._base, written)
            scheme = parse_base(url.partition("?")[0]).scheme
        except ValueError:
            reason = "endpoint_malformed" if _looks_like_web(written) else "endpoint_scheme"
            raise self._failed(document.source, reason, f"names an unusable {name}", endpoint=name) from None
        if scheme == "http" and self._base.scheme != "http":
            raise self._failed(document.source, "endpoint_scheme", f"names a {name} without TLS", endpoint=name)
        if not self._door.approves(url):
            raise self._failed(
                document.source, "host_unapproved", f"names a {name} on an unapproved host", endpoint=name
            )
        return url

    def _failed(self, source: Source, reason: str, what: str, **context: str | int) -> SmartError:
        document = "SMART configuration" if source == "well-known" else "conformance statement"
        return SmartError(
            "discovery_failed",
            f"{self._base.host}: the {document} {what}",
            reason=reason,
            context={"stage": source, **context},
        )


_ACCEPT_METADATA: Mapping[FhirVersion | None, str] = {
    None: "application/fhir+json, application/json+fhir;q=0.9, application/json;q=0.8",
    FhirVersion.DSTU2: "application/json+fhir, application/fhir+json;q=0.9, application/json;q=0.8",
}


def _read_well_known(body: Mapping[str, JsonValue]) -> _Document:
    lists = {name: words(body.get(name)) for name in _LISTS}
    methods = "token_endpoint_auth_methods"
    # Version 1.0 of the guide had this name in its list of fields, and servers still use it.
    lists[f"{methods}_supported"] = lists[f"{methods}_supported"] or words(body.get(methods))
    endpoints = (*_SENSITIVE, "introspection_endpoint", "revocation_endpoint", _BUNDLE)
    return _Document(
        source="well-known",
        endpoints={name: plain(body.get(name)) or _unfit(body.get(name)) for name in endpoints},
        lists=lists,
        # Some servers give the address of the document in place of the issuer that it is made from.
        issuer=plain(body.get("issuer")).removesuffix(_OPENID_SUFFIX),
        brand_identifier=brands.identifier_text(body.get("user_access_brand_identifier")),
        iss_parameter_supported=body.get("authorization_response_iss_parameter_supported") is True,
    )


def _unfit(value: JsonValue) -> str:
    """An endpoint that is no fit text is not absent but wrong: a mark that no URL reader accepts."""
    return "" if value is None or value == "" else "\\"


def _looks_like_web(written: str) -> bool:
    return written.partition(":")[0].lower() in {"http", "https"} or ":" not in written


def _is_xml(answer: Answer) -> bool:
    """Some servers ignore the Accept header and listen to `_format` alone."""
    kind = answer.content_type
    return answer.status == 406 or (answer.status == 200 and kind.endswith("xml") and kind != "application/xhtml+xml")


def _merged(usable: list[SmartConfiguration]) -> SmartConfiguration:
    """The preferred document, its gaps filled from the other: auth methods and PKCE stand in one of the two alone."""
    first, *rest = usable
    gaps: dict[str, Any] = {}
    for other in rest:
        gaps |= {each.name: getattr(other, each.name) for each in fields(first) if not getattr(first, each.name)}
    return replace(first, **gaps)


def _with_version(
    config: SmartConfiguration, registration: ClientRegistration, found: list[_Found]
) -> SmartConfiguration:
    documents = [each.document for each in found if each.document is not None]
    version = next((each.fhir_version for each in documents if each.fhir_version), None)
    resources = next((each.resources for each in documents if each.resources), ())
    notes = config.notes
    if registration.fhir_version is not None:
        version = registration.fhir_version
    elif version is None:
        why = next((each.error.reason for each in found if each.source == "metadata" and each.error), "unknown")
        version, notes = FhirVersion.R4, (*notes, f"{_ASSUMED}:{why}")
    return replace(config, fhir_version=version, resources=resources, notes=notes)


def _final_error(found: list[_Found]) -> SmartError | None:
    return next((each.error for each in found if each.error is not None and _is_final(each.error)), None)


def _is_final(error: SmartError) -> bool:
    if error.code == "ehr_address_forbidden" or error.reason in _FINAL:
        return True
    return error.context.get("stage") == "well-known" and error.reason in _FINAL_FOR_WELL_KNOWN


def _worst(found: list[_Found]) -> SmartError:
    """The error that says most: the EHR's own wrong word, then an unusable answer, then silence, then a mere 404."""
    ranks: list[Callable[[SmartError], bool]] = [
        _is_final,
        lambda error: error.code not in _SILENT and error.reason != "missing",
        lambda error: error.code in _SILENT,
    ]
    errors = [each.error for each in found if each.error is not None]
    for matches in ranks:
        if match := next((error for error in errors if matches(error)), None):
            return match
    return errors[0]
