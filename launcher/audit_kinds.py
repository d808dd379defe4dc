"""What each event of the audit trail means: in plain words, and in the codes of FHIR's AuditEvent (R4) and of DICOM."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

DCM = "http://dicom.nema.org/resources/ontology/DCM"
REST = "http://terminology.hl7.org/CodeSystem/audit-event-type"
INTERACTION = "http://hl7.org/fhir/restful-interaction"

Shape = Literal["read", "query", "other"]


@dataclass(frozen=True, slots=True)
class Code:
    """A code of a code system, with its usual words."""

    system: str
    code: str
    display: str

    def coding(self) -> dict[str, str]:
        return {"system": self.system, "code": self.code, "display": self.display}


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """`action` is C, R, U, D or E; `shape` says which of IHE's basic patterns it follows; `reads` what was read."""

    words: str
    type: Code
    subtype: Code | None = None
    action: str = "E"
    shape: Shape = "other"
    reads: str = ""


_RESTFUL = Code(REST, "rest", "Restful Operation")
_ACTIVITY = Code(DCM, "110100", "Application Activity")
_LOG_USED = Code(DCM, "110101", "Audit Log Used")
_EXPORT = Code(DCM, "110106", "Export")
_RECORD = Code(DCM, "110110", "Patient Record")
_ALERT = Code(DCM, "110113", "Security Alert")
_SIGN_IN = Code(DCM, "110114", "User Authentication")

_LOGIN = Code(DCM, "110122", "Login")
_LOGOUT = Code(DCM, "110123", "Logout")
_NODE = Code(DCM, "110126", "Node Authentication")
_SECURITY = Code(DCM, "110129", "Security Configuration")
_RESTRICTED = Code(DCM, "110132", "Use of Restricted Function")
_RIGHTS = Code(DCM, "110137", "User security Attributes Changed")


def _login(words: str) -> Kind:
    return Kind(words=words, type=_SIGN_IN, subtype=_LOGIN)


def _logout(words: str) -> Kind:
    return Kind(words=words, type=_SIGN_IN, subtype=_LOGOUT)


def _alert(words: str, subtype: Code = _NODE) -> Kind:
    return Kind(words=words, type=_ALERT, subtype=subtype)


def _configured(words: str, action: str = "U", subtype: Code = _SECURITY) -> Kind:
    return Kind(words=words, type=_ALERT, subtype=subtype, action=action)


def _activity(words: str) -> Kind:
    return Kind(words=words, type=_ACTIVITY)


def _read(words: str, resource: str) -> Kind:
    interaction = Code(INTERACTION, "read", "read")
    return Kind(words=words, type=_RESTFUL, subtype=interaction, action="R", shape="read", reads=resource)


def _query(words: str, resource: str = "") -> Kind:
    interaction = Code(INTERACTION, "search-type", "search-type")
    return Kind(words=words, type=_RESTFUL, subtype=interaction, action="E", shape="query", reads=resource)


KINDS: dict[str, Kind] = {
    "launch.received": _login("An EHR opened the app"),
    "launch.rejected": _login("A launch was refused"),
    "launch.tested": _activity("Somebody of the staff tried a launch"),
    "authz.redirected": _login("The browser was sent to the EHR to sign in"),
    "callback.rejected": _login("The EHR's answer to a sign-in was refused"),
    "discovery.failed": _activity("The EHR's description of itself could not be used"),
    "egress.blocked": _alert("A request to an address that is not allowed was stopped"),
    "idtoken.rejected": _login("The EHR's statement of who signed in was refused"),
    "token.obtained": _login("The EHR gave access to its records"),
    "token.refreshed": _login("The EHR prolonged that access"),
    "token.refresh_failed": _login("The EHR did not prolong that access"),
    "token.failed": _login("The EHR gave no access"),
    "token.introspected": _login("The EHR was asked whether that access still holds"),
    "session.opened": _login("A chart was opened"),
    "session.ended": _logout("A chart was closed"),
    "sessions.ended": _logout("Charts were closed by somebody of the staff"),
    "session.expired": _logout("A chart was closed because its time was over"),
    "session.denied": _alert("A chart was asked for that this browser may not see", _RESTRICTED),
    "patient.read": _read("Who the patient is was shown", "Patient"),
    "panel.read": _query("A part of the chart was shown"),
    "document.read": _read("A document was shown", "DocumentReference"),
    "patient.searched": _query("Patients were searched for", "Patient"),
    "patient.chosen": Kind(words="A patient was chosen", type=_RECORD, action="R"),
    "chart.printed": Kind(words="The print view of a chart was shown", type=_RECORD, action="R"),
    "fhir.failed": _activity("The EHR's records could not be read"),
    "dependency.down": _activity("A part of this installation did not work"),
    "config.error": _activity("The EHR does not accept this registration"),
    "request.refused": _alert("A request was refused", _RESTRICTED),
    "connection.checked": _activity("The connection to an EHR was checked"),
    "brands.imported": _activity("A list of EHRs was imported"),
    "style.approved": _configured("An EHR's look was approved"),
    "style.withdrawn": _configured("The approval of an EHR's look was withdrawn"),
    "style.deleted": _configured("An EHR's look was deleted", "D"),
    "key.created": _configured("A signing key was made", "C"),
    "key.retired": _configured("A signing key was retired"),
    "key.deleted": _configured("A signing key was deleted", "D"),
    "field_key.rotated": _configured("Stored secrets were put under a new key"),
    "secret.stored": _configured("A client secret was stored"),
    "secret.removed": _configured("A client secret was removed"),
    "secret.replaced": _configured("A client secret was replaced"),
    "secret.switched_back": _configured("A client secret was switched back to the one before"),
    "registration.created": _configured("An EHR was registered", "C"),
    "registration.changed": _configured("The registration of an EHR was changed"),
    "registration.deleted": _configured("The registration of an EHR was deleted", "D"),
    "registrations.exported": Kind(words="Registrations were exported", type=_EXPORT, action="R"),
    "trace.exported": Kind(words="The steps of a launch were exported", type=_EXPORT, action="R"),
    "user.created": _configured("A person of the staff was added", "C", _RIGHTS),
    "user.changed": _configured("A person of the staff was changed", subtype=_RIGHTS),
    "user.deleted": _configured("A person of the staff was deleted", "D", _RIGHTS),
    "group.created": _configured("A role was added", "C", _RIGHTS),
    "group.changed": _configured("A role was changed", subtype=_RIGHTS),
    "group.deleted": _configured("A role was deleted", "D", _RIGHTS),
    "site.created": _configured("A site was added", "C"),
    "site.changed": _configured("A site was changed"),
    "site.deleted": _configured("A site was deleted", "D"),
    "admin.login": _login("Somebody of the staff signed in"),
    "admin.logout": _logout("Somebody of the staff signed out"),
    "admin.login_failed": _login("A sign-in of the staff failed"),
    "admin.login_denied": _login("A sign-in of the staff was refused"),
    "admin.locked": _alert("Too many failed sign-ins: locked for a while", _RESTRICTED),
    "admin.roles_changed": _configured("The roles of somebody of the staff were changed at sign-in", subtype=_RIGHTS),
    "admin.denied": _alert("A page of the administration was refused", _RESTRICTED),
    "audit.viewed": Kind(words="The audit trail was looked at", type=_LOG_USED, action="R"),
    "audit.exported": Kind(words="The audit trail was exported", type=_EXPORT, action="R"),
}
_ACTIONS = {"created": "C", "deleted": "D", "changed": "U"}


def kind_of(event: str) -> Kind:
    """What is known of an event; for a plugin's own, its name as words, and what its verb says."""
    if found := KINDS.get(event):
        return found
    words = event.replace(".", " ").replace("_", " ").capitalize()
    verb = event.rpartition(".")[2]
    return _configured(words, _ACTIONS[verb]) if verb in _ACTIONS else _activity(words)
