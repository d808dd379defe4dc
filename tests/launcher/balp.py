"""What IHE's Basic Audit Log Patterns (BALP 1.1) and FHIR R4 demand of an AuditEvent, as far as our export goes.

Written from the published profiles (https://profiles.ihe.net/ITI/BALP/): Read, PatientRead, Query, PatientQuery and
OAUTHaccessTokenUse.Opaque. `problems` names everything that does not hold.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Sequence
from typing import Any

CANONICAL = "https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit."
Json = dict[str, Any]
Key = tuple[str, str]

DCM = "http://dicom.nema.org/resources/ontology/DCM"
ENTITY = "http://terminology.hl7.org/CodeSystem/audit-entity-type"
ROLE = "http://terminology.hl7.org/CodeSystem/object-role"
REST = ("http://terminology.hl7.org/CodeSystem/audit-event-type", "rest")
INTERACTION = "http://hl7.org/fhir/restful-interaction"
SOURCE, DESTINATION = (DCM, "110153"), (DCM, "110152")
USER = ("http://terminology.hl7.org/CodeSystem/v3-ParticipationType", "IRCP")
OAUTH_USER = ("https://profiles.ihe.net/ITI/BALP/CodeSystem/UserAgentTypes", "UserOauthAgent")
REQUEST_ID = ("https://profiles.ihe.net/ITI/BALP/CodeSystem/BasicAuditEntityType", "XrequestId")
PERSON, OBJECT = (ENTITY, "1"), (ENTITY, "2")
INSTANT = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})")
PATIENT = re.compile(r"(https?://\S+/)?Patient/[A-Za-z0-9\-.]{1,64}")
MEMBERS = {
    "resourceType",
    "id",
    "meta",
    "type",
    "subtype",
    "action",
    "recorded",
    "outcome",
    "outcomeDesc",
    "agent",
    "source",
    "entity",
}
AGENT_MEMBERS = {"type", "who", "requestor", "policy", "network"}
ENTITY_MEMBERS = {"what", "type", "role", "description", "query", "detail"}


def problems(resource: Json) -> list[str]:
    """Of FHIR R4 itself, then of each profile that the resource claims."""
    found = list(_base(resource))
    for profile in resource.get("meta", {}).get("profile", []):
        name = profile.removeprefix(CANONICAL)
        found += [f"{name}: {each}" for each in _PROFILES.get(name, _unknown)(resource)]
    return found


def _unknown(resource: Json) -> Iterator[str]:
    yield "no profile of BALP has this address"


def key(coding: Json | None) -> Key:
    return (coding["system"], coding["code"]) if coding else ("", "")


def agent_key(agent: Json) -> Key:
    codings = agent.get("type", {}).get("coding", [])
    return key(codings[0]) if codings else ("", "")


def agents(resource: Json, wanted: Key) -> list[Json]:
    return [each for each in resource["agent"] if agent_key(each) == wanted]


def entities(resource: Json, wanted: Key) -> list[Json]:
    return [each for each in resource.get("entity", []) if key(each.get("type")) == wanted]


# --- FHIR R4 ----------------------------------------------------------------------------------------------------------
def _base(resource: Json) -> Iterator[str]:
    if resource.get("resourceType") != "AuditEvent":
        yield "is no AuditEvent"
    if extra := set(resource) - MEMBERS:
        yield f"has members that R4 does not know: {extra}"
    if not re.fullmatch(r"[A-Za-z0-9\-.]{1,64}", resource.get("id", "")):
        yield "its id is none"
    if not key(resource.get("type"))[1]:
        yield "has no type"
    if resource.get("action") not in {"C", "R", "U", "D", "E"}:
        yield "its action is none of C, R, U, D, E"
    if not INSTANT.fullmatch(resource.get("recorded", "")):
        yield "its time is no instant"
    if resource.get("outcome") not in {"0", "4", "8", "12"}:
        yield "its outcome is none of 0, 4, 8, 12"
    if not resource.get("agent"):
        yield "has no agent"
    if not resource.get("source", {}).get("observer"):
        yield "has no observer"
    if [] in resource.values():
        yield "has an empty list"
    for agent in resource.get("agent", []):
        yield from _agent(agent)
    for entity in resource.get("entity", []):
        yield from _entity(entity)


def _agent(agent: Json) -> Iterator[str]:
    if set(agent) - AGENT_MEMBERS:
        yield f"an agent has {set(agent) - AGENT_MEMBERS}"
    if not isinstance(agent.get("requestor"), bool):
        yield "an agent does not say whether it asked"
    if "network" in agent and agent["network"].get("type") not in {"1", "2", "3", "4", "5"}:
        yield "the network of an agent is of no known type"
    if "policy" in agent and not all(re.fullmatch(r"\S+", each) for each in agent["policy"]):
        yield "a policy is no uri"
    yield from _reference(agent.get("who", {"display": "x"}))


def _entity(entity: Json) -> Iterator[str]:
    if set(entity) - ENTITY_MEMBERS:
        yield f"an entity has {set(entity) - ENTITY_MEMBERS}"
    if "name" in entity and "query" in entity:
        yield "sev-1: either a name or a query"
    for detail in entity.get("detail", []):
        if not detail.get("type") or not isinstance(detail.get("valueString"), str) or not detail["valueString"]:
            yield "a detail without type or text"
    yield from _reference(entity.get("what", {"display": "x"}))


def _reference(reference: Json) -> Iterator[str]:
    if not {"reference", "identifier", "display"} & set(reference):
        yield "ref-1: a reference to nothing"
    if "identifier" in reference and not reference["identifier"].get("value"):
        yield "an identifier without value"


# --- BALP -------------------------------------------------------------------------------------------------------------
def _rest(resource: Json, *, action: str, interactions: Sequence[str], client: Key, server: Key) -> Iterator[str]:
    if key(resource["type"]) != REST:
        yield "type is not rest"
    if not {(INTERACTION, each) for each in interactions} & {key(each) for each in resource.get("subtype", [])}:
        yield f"no subtype is one of {interactions}"
    if resource["action"] != action:
        yield f"action is not {action}"
    if resource["outcome"] != "0":
        yield "a failure follows this profile"
    for name, role in (("client", client), ("server", server)):
        found = agents(resource, role)
        if len(found) != 1:
            yield f"{len(found)} agents are the {name}"
        elif not found[0].get("who") or not found[0].get("network") or "media" in found[0]:
            yield f"the {name} is without who or network"
    users = agents(resource, USER)
    if len(users) > 1 or any(not each.get("who") or not each.get("requestor") or "network" in each for each in users):
        yield "the user is not as it should be"
    transactions = entities(resource, REQUEST_ID)
    if len(transactions) > 1 or any(not each["what"]["identifier"]["value"] for each in transactions):
        yield "the transaction is not as it should be"


def _read(resource: Json) -> Iterator[str]:
    yield from _rest(resource, action="R", interactions=("read", "vread"), client=DESTINATION, server=SOURCE)
    data = entities(resource, OBJECT)
    if len(data) != 1 or not data[0].get("what"):
        yield "not one record was read"
    elif key(data[0].get("role")) not in {(ROLE, "4"), (ROLE, "3"), (ROLE, "20")}:
        yield "the record's role is none of a RESTful object"


def _query(resource: Json) -> Iterator[str]:
    interactions = ("search", "search-type", "search-system")
    yield from _rest(resource, action="E", interactions=interactions, client=SOURCE, server=DESTINATION)
    queries = entities(resource, OBJECT)
    if len(queries) != 1:
        yield f"{len(queries)} queries"
        return
    if key(queries[0].get("role")) != (ROLE, "24"):
        yield "the query's role is not Query"
    if {"what", "lifecycle", "detail"} & set(queries[0]):
        yield "the query has what, lifecycle or detail"
    if not base64.b64decode(queries[0].get("query", ""), validate=True):
        yield "there is no query"


def _patient(resource: Json) -> Iterator[str]:
    people = entities(resource, PERSON)
    if len(people) != 1:
        yield f"{len(people)} patients"
        return
    if key(people[0].get("role")) != (ROLE, "1"):
        yield "the patient's role is not Patient"
    if not re.fullmatch(
        r"(https?://\S+/)?Patient/[A-Za-z0-9\-.]{1,64}", people[0].get("what", {}).get("reference", "")
    ):
        yield "the patient is no reference to a Patient"


def _patient_read(resource: Json) -> Iterator[str]:
    yield from _read(resource)
    yield from _patient(resource)


def _patient_query(resource: Json) -> Iterator[str]:
    yield from _query(resource)
    yield from _patient(resource)


def _oauth_opaque(resource: Json) -> Iterator[str]:
    users = agents(resource, OAUTH_USER)
    if not users:
        yield "there is no OAuth user"
    for user in users:
        if user.get("requestor") is not True or len(user.get("policy", [])) != 1:
            yield "the OAuth user has not one policy"


_PROFILES = {
    "Read": _read,
    "PatientRead": _patient_read,
    "Query": _query,
    "PatientQuery": _patient_query,
    "OAUTHaccessTokenUse.Opaque": _oauth_opaque,
}
