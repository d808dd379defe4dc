"""Audit events as AuditEvent resources (FHIR R4), after IHE's Basic Audit Log Patterns (BALP 1.1).

Reading a patient follows PatientRead, a panel PatientQuery, a search for patients Query; each with the OAuth pattern
where a token was used. The patterns are for what succeeded: a refusal has the same parts and claims no profile.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC
from typing import Any

from launcher import needs
from launcher.audit_kinds import DCM, Code, Kind, kind_of
from launcher.models import AuditEvent, EhrRegistration

BALP = "https://profiles.ihe.net/ITI/BALP/"
PATIENT_READ = f"{BALP}StructureDefinition/IHE.BasicAudit.PatientRead"
PATIENT_QUERY = f"{BALP}StructureDefinition/IHE.BasicAudit.PatientQuery"
QUERY = f"{BALP}StructureDefinition/IHE.BasicAudit.Query"
OAUTH_OPAQUE = f"{BALP}StructureDefinition/IHE.BasicAudit.OAUTHaccessTokenUse.Opaque"

_ENTITY_TYPE = "http://terminology.hl7.org/CodeSystem/audit-entity-type"
_ROLE = "http://terminology.hl7.org/CodeSystem/object-role"
_PERSON, _OBJECT, _OTHER = (
    Code(_ENTITY_TYPE, "1", "Person"),
    Code(_ENTITY_TYPE, "2", "System Object"),
    Code(_ENTITY_TYPE, "4", "Other"),
)
_IS_PATIENT, _IS_RECORD, _IS_QUERY = (
    Code(_ROLE, "1", "Patient"),
    Code(_ROLE, "4", "Domain Resource"),
    Code(_ROLE, "24", "Query"),
)
_REQUEST_ID = Code(f"{BALP}CodeSystem/BasicAuditEntityType", "XrequestId", "X-Request-Id")
_USER = Code("http://terminology.hl7.org/CodeSystem/v3-ParticipationType", "IRCP", "information recipient")
_STAFF = Code("http://terminology.hl7.org/CodeSystem/extra-security-role-type", "humanuser", "human user")
_OAUTH_USER = Code(f"{BALP}CodeSystem/UserAgentTypes", "UserOauthAgent", "User OAuth Agent participant")
_APPLICATION = Code(DCM, "110150", "Application")
_SOURCE = Code(DCM, "110153", "Source Role ID")
_DESTINATION = Code(DCM, "110152", "Destination Role ID")
_SERVER = Code("http://terminology.hl7.org/CodeSystem/security-source-type", "4", "Application Server")
_MACHINE, _URI = "1", "5"
_OUTCOMES = {"success": "0", "refused": "4", "failure": "8"}
_ACTOR = re.compile(r"(?P<subject>.+) \((?P<issuer>[^()]+)\)")

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Ehr:
    """Of a registration, what an exported event needs; `base` is "" where its launches come with bases of their own."""

    base: str = ""
    client_id: str = ""
    takes_tokens: bool = True


@dataclass(slots=True)
class Ehrs:
    """The registrations by site and slug, as the trail names them; of one that is gone nothing is known."""

    known: Mapping[tuple[str, str], Ehr] = field(default_factory=dict)

    @classmethod
    def all(cls) -> Ehrs:
        """Read once for a whole export."""
        rows = EhrRegistration.objects.select_related("site").defer("client_secret", "previous_secret", "notes")
        return cls({(row.site.domain, row.slug): _ehr(row) for row in rows.iterator()})

    def of(self, row: AuditEvent) -> Ehr:
        return self.known.get((row.site, row.registration), Ehr())


def _ehr(row: EhrRegistration) -> Ehr:
    base = "" if row.iss_is_prefix else row.iss.rstrip("/")
    return Ehr(base=base, client_id=row.client_id, takes_tokens=not row.quirks.open_server)


def resource_of(row: AuditEvent, ehrs: Ehrs) -> Json:
    """One event as a resource: what the event holds, with the EHR's address and our client id there."""
    kind, ehr = kind_of(row.event), ehrs.of(row)
    resource: Json = {
        "resourceType": "AuditEvent",
        "id": f"{row.chain}-{row.sequence}",
        "type": kind.type.coding(),
        "subtype": [kind.subtype.coding()] if kind.subtype else [],
        "action": kind.action,
        "recorded": row.at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z"),
        "outcome": _OUTCOMES.get(row.outcome, "4"),
        "outcomeDesc": " ".join(filter(None, (row.outcome, row.code, row.reason))),
        "agent": list(_agents(row, kind, ehr)),
        "source": {
            "site": row.site or "installation",
            "observer": {"display": "smartportal"},
            "type": [_SERVER.coding()],
        },
        "entity": list(_entities(row, kind, ehr)),
    }
    if profiles := _profiles(row, kind, ehr):
        resource["meta"] = {"profile": profiles}
    return {name: value for name, value in resource.items() if value != []}


def _profiles(row: AuditEvent, kind: Kind, ehr: Ehr) -> list[str]:
    if row.outcome != "success" or kind.shape == "other":
        return []
    if kind.shape == "read" and not row.patient:
        return []
    pattern = PATIENT_READ if kind.shape == "read" else PATIENT_QUERY if row.patient else QUERY
    return [pattern, OAUTH_OPAQUE] if _used_a_token(row, kind, ehr) else [pattern]


def _used_a_token(row: AuditEvent, kind: Kind, ehr: Ehr) -> bool:
    return bool(row.launch) and kind.shape != "other" and ehr.takes_tokens


# --- Agents: who took part ------------------------------------------------------------------------------------------


def _agents(row: AuditEvent, kind: Kind, ehr: Ehr) -> Iterator[Json]:
    """App, EHR and person. IHE's patterns call the one that the records come from the source when they are read by
    address, and the one that the question comes from when they are searched.
    """
    if kind.shape == "other":
        yield _app(row, ehr, _APPLICATION)
    else:
        ours, theirs = (_DESTINATION, _SOURCE) if kind.shape == "read" else (_SOURCE, _DESTINATION)
        yield _app(row, ehr, ours)
        yield _server(row, ehr, theirs)
    if person := _person(row):
        yield person
    if _used_a_token(row, kind, ehr):
        # The pattern has the last characters of the token here. Ours never leave their place; the session they belong
        # to tells as well which events go together.
        yield {
            "type": _concept(_OAUTH_USER),
            "requestor": True,
            "policy": [f"urn:smartportal:launch:{row.launch}"],
        }


def _app(row: AuditEvent, ehr: Ehr, role: Code) -> Json:
    who: Json = {"display": "smartportal"}
    if ehr.client_id:
        who["identifier"] = {"value": ehr.client_id}
    return {
        "type": _concept(role),
        "who": who,
        "requestor": False,
        "network": {"address": row.site or "installation", "type": _MACHINE},
    }


def _server(row: AuditEvent, ehr: Ehr, role: Code) -> Json:
    address = ehr.base or f"urn:smartportal:registration:{row.registration}"
    return {
        "type": _concept(role),
        "who": {"identifier": {"value": address}, "display": row.registration},
        "requestor": False,
        "network": {"address": address, "type": _URI},
    }


def _person(row: AuditEvent) -> Json | None:
    """The clinician by the EHR's own identifier, staff by their name here; nobody where nobody was identified."""
    if named := _ACTOR.fullmatch(row.actor):
        who: Json = {"identifier": {"system": named["issuer"], "value": named["subject"]}}
        return {"type": _concept(_USER), "who": who, "requestor": True}
    kind, _, name = row.actor.partition(" ")
    if kind == "staff":
        return {"type": _concept(_STAFF), "who": {"identifier": {"value": name}}, "requestor": True}
    if row.actor in {"", "unknown"}:
        return None
    return {"who": {"display": row.actor}, "requestor": True}


def _concept(code: Code) -> Json:
    return {"coding": [code.coding()]}


# --- Entities: what it was about ------------------------------------------------------------------------------------


def _entities(row: AuditEvent, kind: Kind, ehr: Ehr) -> Iterator[Json]:
    if row.patient:
        yield {"what": _patient(row, ehr), "type": _PERSON.coding(), "role": _IS_PATIENT.coding()}
    if kind.shape == "read":
        what = _patient(row, ehr) if kind.reads == "Patient" else {"type": kind.reads, "display": kind.words}
        yield {"what": what, "type": _OBJECT.coding(), "role": _IS_RECORD.coding()}
    elif kind.shape == "query":
        query = "\n".join(_searches(row, kind))
        yield {
            "type": _OBJECT.coding(),
            "role": _IS_QUERY.coding(),
            "description": query,
            "query": base64.b64encode(query.encode()).decode(),
        }
    if row.correlation_id:
        yield {"what": {"identifier": {"value": row.correlation_id}}, "type": _REQUEST_ID.coding()}
    yield _our_own(row)


def _patient(row: AuditEvent, ehr: Ehr) -> Json:
    return {"reference": f"{ehr.base}/Patient/{row.patient}" if ehr.base else f"Patient/{row.patient}"}


def _searches(row: AuditEvent, kind: Kind) -> list[str]:
    """What was asked for, as far as the trail keeps it: types and patient, no further parameters."""
    panel = row.detail.get("panel", "")
    types = dict.fromkeys(need.resource for need in needs.all_needs() if need.panel == panel and need.params)
    patient = f"?patient={row.patient}" if row.patient else ""
    return [f"{resource}{patient}" for resource in types] or [f"{kind.reads or 'Patient'}{patient}"]


def _our_own(row: AuditEvent) -> Json:
    """The event's place in its chain, and whatever else it says."""
    said = {
        "event": row.event,
        "reference": row.reference,
        "registration": row.registration,
        "launch": row.launch,
        "previous_hash": row.previous_hash,
        "hash": row.hash,
        **{f"detail: {name}": value for name, value in row.detail.items()},
    }
    return {
        "what": {"identifier": {"system": "urn:smartportal:audit", "value": f"{row.chain}-{row.sequence}"}},
        "type": _OTHER.coding(),
        "detail": [{"type": name, "valueString": str(value)} for name, value in said.items() if value != ""],
    }
