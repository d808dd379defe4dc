"""Keeps a launch's access token usable: renewed a minute before it ends, once, by whichever process gets to it first.

A refresh token is good for one use; an EHR that sees it twice ends the grant (RFC 9700, section 4.14). So one request
claims the refresh by one conditional UPDATE, asks without a transaction open, and stores the new pair before anybody
uses it; the others wait for that row. Where nobody can tell whether the EHR has taken the token, the launch ends.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NoReturn

from django.db import Error as DatabaseError
from django.db import transaction
from django.utils import timezone

from launcher import audit, metrics, trace_facts
from launcher.discovery import door_for, verified_identity
from launcher.models import Launch
from launcher.revocation import Revocation, end_launches, revoke, subject_of
from launcher.smart import scopes
from launcher.smart import token as smart_token
from launcher.smart.configuration import SmartConfiguration
from launcher.smart.errors import ErrorCode, SmartError
from launcher.smart.patient_context import patient_in_claim
from launcher.smart.registration import ClientRegistration
from launcher.smart.scopes import ResourceScope
from launcher.smart.secret import Secret
from launcher.smart.token import TokenResponse
from launcher.tracing import step

AHEAD = timedelta(seconds=60)
LEASE = timedelta(seconds=20)
"""Longer than a token request can take, so that an expired lease means that its holder is gone."""

WAIT_SECONDS = 5.0
_PAUSES = (0.01, 0.02, 0.03, 0.05, 0.1)

# The request never left.
_NOT_SENT = {"dns", "refused"}
# The EHR said that it takes no requests now, or we could not even make one.
_NOT_TAKEN = {"ehr_busy", "unavailable"}
_ROTATING = ("token_version", "access_token", "refresh_token", "token_expires_at", "granted_scopes")
_WATCHED = (*_ROTATING, "ended_at", "end_reason", "refresh_lease_until")

logger = logging.getLogger("smartportal.session")


@dataclass(frozen=True, slots=True, kw_only=True)
class UsableTokens:
    """What a request may use now. `version` counts the refreshes of the launch; `granted_scope` is what is left."""

    access_token: Secret
    expires_at: datetime | None
    granted_scope: str | None
    version: int

    @classmethod
    def of(cls, launch: Launch) -> UsableTokens:
        """The tokens as they lie in the row."""
        return cls(
            access_token=launch.access_token,
            expires_at=launch.token_expires_at,
            granted_scope=launch.granted_scopes,
            version=launch.token_version,
        )


def usable_tokens(launch: Launch) -> UsableTokens:
    """The tokens of an open launch, refreshed first when they end within a minute and can be.

    `launch` is a row just read, with its registration and person. Raises `session_ended` when the launch ended over it,
    `ehr_unreachable` or `ehr_busy` when it did not and the old token has ended too, and `unavailable`.
    """
    ends = launch.token_expires_at
    if ends is None or ends > timezone.now() + AHEAD or not launch.refresh_token:
        return UsableTokens.of(launch)
    return _refreshed(launch, refused=False)


def renewed_tokens(launch: Launch, *, refused_version: int) -> UsableTokens | None:
    """Newer tokens than those of `refused_version`, which the EHR did not take; None if it gave no refresh token.

    Raises as `usable_tokens`.
    """
    if launch.ended_at is not None:
        raise _ended(launch.end_reason)
    if launch.token_version != refused_version:
        return UsableTokens.of(launch)
    return _refreshed(launch, refused=True) if launch.refresh_token else None


def _refreshed(launch: Launch, *, refused: bool) -> UsableTokens:
    """`refused`: the old token is of no use whatever its time says."""
    # Before the claim: what is wrong with our own settings must not cost the launch.
    client = launch.registration.as_client(iss=launch.iss)
    lease = timezone.now() + LEASE
    unclaimed = Launch.objects.filter(pk=launch.pk, token_version=launch.token_version, ended_at=None)
    if not unclaimed.filter(refresh_lease_until=None).update(refresh_lease_until=lease):
        return _what_others_got(launch, refused=refused)
    try:
        with step("refresh") as refreshing:
            answer = _ask(launch, client)
            refreshing.note(**trace_facts.granted(answer, requested=launch.requested_scopes))
    except SmartError as error:
        return _kept_or_ended(launch, lease, error, refused=refused)
    return _stored(launch, lease, answer, client)


def _ask(launch: Launch, client: ClientRegistration) -> TokenResponse:
    """One request to the EHR, and its answer if that speaks of the same patient and person."""
    config = SmartConfiguration.from_json(launch.configuration)
    door = door_for(client)
    answer = smart_token.refresh(door, client, config, refresh_token=launch.refresh_token)
    patient = answer.patient or patient_in_claim(answer.access_token, client.quirks.patient_claim)
    if patient and launch.patient and patient != launch.patient:
        raise SmartError("patient_mismatch", "the refreshed token is for another patient", reason="patient-changed")
    if answer.id_token is not None and launch.person is not None:
        _same_person(launch, client, config, answer.id_token)
    return answer


def _same_person(launch: Launch, client: ClientRegistration, config: SmartConfiguration, id_token: Secret) -> None:
    """A refreshed id_token has the `iss` and `sub` of the first one (OpenID Connect Core 1.0, section 12.2)."""
    person = launch.person
    try:
        claims = verified_identity(launch.registration, client, config, door_for(client), id_token=id_token, nonce="")
    except SmartError as error:
        reason = "person-changed" if error.reason in {"iss", "sub"} else "identity-invalid"
        raise SmartError("identity_invalid", error.description, reason=reason) from error
    if person is None or (claims.issuer, claims.subject) != (person.issuer, person.subject):
        raise SmartError("identity_invalid", "the refreshed id_token is of another person", reason="person-changed")


def _kept_or_ended(launch: Launch, lease: datetime, error: SmartError, *, refused: bool) -> UsableTokens:
    """The old tokens where the EHR has surely not taken the refresh token, else the end of the launch."""
    if error.code in _NOT_TAKEN or (error.code == "ehr_unreachable" and error.reason in _NOT_SENT):
        Launch.objects.filter(pk=launch.pk, refresh_lease_until=lease).update(refresh_lease_until=None)
        _note_failure(launch, code=error.code, reason=error.reason)
        _count(launch, "postponed")
        return _old(launch, error, refused=refused)
    reason = error.reason
    if error.code in {"session_ended", "client_rejected"}:
        reason = "refresh-refused"
    elif error.code not in {"patient_mismatch", "identity_invalid"}:
        reason = "refresh-unknown"
    _end(launch, code=error.code, reason=reason)


def _old(launch: Launch, error: SmartError, *, refused: bool) -> UsableTokens:
    if refused or launch.token_expires_at is None or launch.token_expires_at <= timezone.now():
        raise error
    return UsableTokens.of(launch)


def _stored(launch: Launch, lease: datetime, answer: TokenResponse, client: ClientRegistration) -> UsableTokens:
    """Commit the new pair, with its event, before anybody uses it; if that fails nobody will, and it is revoked."""
    held = Launch.objects.filter(
        pk=launch.pk, token_version=launch.token_version, refresh_lease_until=lease, ended_at=None
    )
    _take_over(launch, answer)
    try:
        with transaction.atomic():
            kept = held.update(token_version=launch.token_version, refresh_lease_until=None)
            if kept:
                launch.save(update_fields=_ROTATING)
                audit.write("token.refreshed", subject_of(launch), audit.Facts(reference=launch.reference))
    except DatabaseError:
        revoke(Revocation.of(launch, client))
        raise
    if not kept:
        revoke(Revocation.of(launch, client))
        raise _ended("ended")
    _count(launch, "refreshed")
    return UsableTokens.of(launch)


def _take_over(launch: Launch, answer: TokenResponse) -> None:
    """Put what came into the row's instance. Without a new refresh token the old one stays in use (RFC 6749, 6)."""
    launch.access_token = answer.access_token
    if answer.refresh_token is not None:
        launch.refresh_token = answer.refresh_token
    ends = None if answer.expires_in is None else timezone.now() + timedelta(seconds=answer.expires_in)
    launch.token_expires_at = ends
    if answer.scope is not None:
        before = launch.requested_scopes if launch.granted_scopes is None else launch.granted_scopes
        launch.granted_scopes = common_scope(before, answer.scope)
    launch.token_version += 1


def common_scope(before: str, now: str) -> str:
    """What both grant: a refresh may take scopes away, and adds none (RFC 6749, section 6).

    A word stays when the other side covers it, in whatever spelling, so that `patient/*.rs` followed by
    `patient/Condition.read` is the latter, and the other way round is the former.
    """
    kept = [word for word in before.split() if _covered(word, now)]
    kept += [word for word in now.split() if _covered(word, before)]
    return " ".join(dict.fromkeys(kept))


def _covered(word: str, scope: str) -> bool:
    one, whole = scopes.parse(word), scopes.parse(scope)
    if not one.resources:
        return word in scope.split()
    return any(_covers(each, one.resources[0]) for each in whole.resources)


def _covers(wide: ResourceScope, narrow: ResourceScope) -> bool:
    return (
        wide.level in {narrow.level, "user"}
        and wide.query in {"", narrow.query}
        and all(wide.covers(narrow.resource, right) for right in narrow.rights)
    )


def _what_others_got(launch: Launch, *, refused: bool) -> UsableTokens:
    """Wait for whoever has claimed the refresh, at most five seconds."""
    until = time.monotonic() + WAIT_SECONDS
    pauses = iter(_PAUSES)
    while True:
        row = Launch.objects.only(*_WATCHED).filter(pk=launch.pk).first()
        if row is None or row.ended_at is not None:
            raise _ended(row.end_reason if row else "deleted")
        if row.token_version != launch.token_version:
            return UsableTokens.of(row)
        if row.refresh_lease_until is None:
            return _old(launch, _waited("refused"), refused=refused)
        if row.refresh_lease_until <= timezone.now():
            _end_abandoned(launch, row.refresh_lease_until)
        elif time.monotonic() >= until:
            return _old(launch, _waited("timeout"), refused=refused)
        else:
            time.sleep(next(pauses, _PAUSES[-1]))


def _waited(reason: str) -> SmartError:
    return SmartError("ehr_unreachable", "another request's refresh brought nothing", reason=reason)


def _end_abandoned(launch: Launch, lease: datetime) -> None:
    """End a launch whose refresh nobody finished; returns if somebody else has taken care of it meanwhile."""
    abandoned = Launch.objects.filter(
        pk=launch.pk, token_version=launch.token_version, refresh_lease_until=lease, ended_at=None
    )
    # Taken over first: whoever held it and is late after all must not store a pair in a launch that we are ending.
    if abandoned.update(refresh_lease_until=timezone.now() + LEASE):
        _end(launch, code="ehr_unreachable", reason="refresh-unknown")


def _end(launch: Launch, *, code: ErrorCode, reason: str) -> NoReturn:
    """Erase the tokens, end the launch, write it down, and say so."""
    end_launches(launch.pk, reason=reason)
    _note_failure(launch, code=code, reason=reason)
    _count(launch, "ended")
    raise _ended(reason)


def _note_failure(launch: Launch, *, code: ErrorCode, reason: str) -> None:
    text = "%s refresh of a launch at %s failed: %s (%s)"
    severity = logging.ERROR if code in {"patient_mismatch", "identity_invalid", "client_rejected"} else logging.WARNING
    logger.log(severity, text, launch.reference, launch.registration.slug, code, reason or "-")
    facts = audit.Facts(outcome="failure", code=code, reason=reason, reference=launch.reference)
    audit.write("token.refresh_failed", subject_of(launch), facts)


def _count(launch: Launch, outcome: metrics.RefreshOutcome) -> None:
    registration = launch.registration
    metrics.note_refresh(site=registration.site_name, ehr=registration.slug, outcome=outcome)


def _ended(reason: str) -> SmartError:
    return SmartError("session_ended", f"the launch has ended: {reason}", reason=reason or "ended")
