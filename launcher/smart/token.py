"""Redeems a code or a refresh token, once, and reads the answer into a typed record; revokes and asks about tokens.

SMART App Launch 2.2, "Obtain access token"; RFC 6749, sections 4.1.3, 5 and 6. A request that may have reached the EHR
is never sent again: a code is good for one use, and a second one revokes the first (RFC 6749, section 4.1.2).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Literal

from launcher.smart import authorization_details, back_channel
from launcher.smart.authorization_details import AuthorizationDetail, patients_of, read_details
from launcher.smart.back_channel import refuse
from launcher.smart.client_auth import Credentials
from launcher.smart.configuration import SmartConfiguration
from launcher.smart.fhir_context import ContextItem as ContextItem
from launcher.smart.fhir_context import read_fhir_context
from launcher.smart.fhir_version import FhirVersion
from launcher.smart.foreign_text import is_fhir_id, is_visible_ascii, plain
from launcher.smart.http import Door
from launcher.smart.introspection import Introspection, read_introspection
from launcher.smart.origins import origin_of
from launcher.smart.registration import ClientRegistration
from launcher.smart.secret import Secret
from launcher.smart.strict_json import JsonValue

TOKEN_MOST = 16 * 1024
# Nobody waits for a revocation, but while one EHR is slow those of others wait behind it.
REVOCATION_SECONDS = 5.0
# Somebody waits for their chart, and it is an extra check.
INTROSPECTION_SECONDS = 5.0
TEN_YEARS = 10 * 366 * 24 * 3600
# Beyond this a number is no life time but nonsense (1e999).
_PLAUSIBLE_SECONDS = 10**12

TokenHint = Literal["access_token", "refresh_token"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenResponse:
    """A usable token response with its launch context.

    `expires_in` is in seconds, None for a token of unknown life. `scope` None means that the EHR named none (as
    requested), "" that it granted none. `patient` and `encounter` are FHIR ids or "". `details` is what was said of
    single FHIR bases, empty once `at` has chosen among it; `fhir_versions` are the ones told for the chosen base.
    `warnings` name, in fixed words, what was sent in an unusable form and left out.
    """

    access_token: Secret
    token_type: str = "Bearer"  # noqa: S105  # the name of a scheme
    expires_in: int | None = None
    scope: str | None = None
    refresh_token: Secret | None = None
    id_token: Secret | None = None
    patient: str = ""
    encounter: str = ""
    need_patient_banner: bool | None = None
    intent: str = ""
    smart_style_url: str = ""
    tenant: str = ""
    fhir_context: tuple[ContextItem, ...] = ()
    fhir_user: str = ""
    details: tuple[AuthorizationDetail, ...] = ()
    fhir_versions: tuple[FhirVersion, ...] = ()
    warnings: tuple[str, ...] = ()

    def at(self, base: str) -> TokenResponse:
        """What it says for this FHIR base: `authorization_details` for it go before the top level, member by member.

        Raises `token_unreadable` when they name two patients, or one in an unusable form. Without any for this base
        the top level holds; whom details of other bases name is left out of account.
        """
        ours = [detail for detail in self.details if detail.is_for(base)]
        warnings = list(self.warnings)
        if self.details and not ours:
            warnings.append(f"{authorization_details.NAME} speaks of other FHIR bases only")
        if len(patients_of(ours)) > 1 or "" in patients_of(ours):
            refuse("token_unreadable", "authorization_details name no one patient for this FHIR base", "patient")
        found = replace(self, details=(), warnings=tuple(warnings))
        for detail in ours:
            found = found._with(detail)
        return found

    def _with(self, detail: AuthorizationDetail) -> TokenResponse:
        unusable = (f"{name} in {authorization_details.NAME} is unusable" for name in detail.unusable)
        return replace(
            self,
            scope=self.scope if detail.scope is None else detail.scope,
            patient=self.patient if detail.patient is None else detail.patient,
            encounter=self.encounter if detail.encounter is None else detail.encounter,
            fhir_context=self.fhir_context if detail.fhir_context is None else detail.fhir_context,
            fhir_versions=self.fhir_versions or detail.versions,
            warnings=(*self.warnings, *unusable),
        )


def exchange_code(
    door: Door,
    registration: ClientRegistration,
    config: SmartConfiguration,
    *,
    code: str,
    redirect_uri: str,
    verifier: str,
) -> TokenResponse:
    """Redeem an authorization code; `verifier` "" where PKCE is off, `redirect_uri` as in the authorization request.

    The answer is the one for `registration.iss`, where `authorization_details` tell several FHIR bases apart.

    Raises `client_rejected`, `code_rejected`, `ehr_busy` (context `retry_after` in seconds, if told),
    `token_unreadable`, `identity_invalid` for an id_token that is no text, and what the door raises.
    """
    form = [
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", redirect_uri),
        *([("code_verifier", verifier)] if verifier else []),
    ]
    answer = back_channel.ask(door, registration, config, form=form, bad_grant="code_rejected")
    return read_token_response(answer).at(registration.iss)


def refresh(
    door: Door,
    registration: ClientRegistration,
    config: SmartConfiguration,
    *,
    refresh_token: Secret,
    scope: str = "",
) -> TokenResponse:
    """Redeem a refresh token. `refresh_token` None in the answer: the old one stays in use.

    Raises as `exchange_code`, with `session_ended` in place of `code_rejected`.
    Source: SMART App Launch 2.2, "Use refresh token".
    """
    form = [
        ("grant_type", "refresh_token"),
        ("refresh_token", refresh_token.reveal()),
        *([("scope", scope)] if scope else []),
    ]
    answer = back_channel.ask(door, registration, config, form=form, bad_grant="session_ended")
    return read_token_response(answer).at(registration.iss)


def revoke(
    door: Door, registration: ClientRegistration, config: SmartConfiguration, *, token: Secret, hint: TokenHint
) -> None:
    """Tell the EHR that a token is done with; 200 means that it is revoked, or that the EHR never knew it (RFC 7009).

    Sends nothing to an EHR without a revocation endpoint. Raises `token_unreadable`, "status", for any other answer,
    and what the door raises.
    """
    url = config.revocation_endpoint
    if not url:
        return
    form = [("token", token.reveal()), ("token_type_hint", hint)]
    answer = back_channel.post(door, registration, config, url=url, form=form, seconds=REVOCATION_SECONDS)
    if answer.status != 200:
        host = origin_of(url).host
        refuse("token_unreadable", f"{host}: revocation answered {answer.status}", "status", status=answer.status)


def introspect(
    door: Door,
    registration: ClientRegistration,
    config: SmartConfiguration,
    *,
    token: Secret,
    bearer: Secret | None = None,
) -> Introspection:
    """Ask the EHR what a token is good for (RFC 7662; SMART App Launch 2.2, "Token Introspection").

    The client shows who it is by its own method, or with `bearer` by an access token alone, as SMART App Launch has it.
    Raises as `exchange_code`; `token_unreadable` also for an answer without `active`, and, with reason
    "endpoint_missing", where the EHR has no introspection endpoint.
    """
    url = config.introspection_endpoint
    if not url:
        refuse("token_unreadable", "the EHR publishes no introspection endpoint", "endpoint_missing")
    proof = Credentials(authorization=Secret(f"Bearer {bearer.reveal()}")) if bearer else None
    form = [("token", token.reveal())]
    answer = back_channel.post(
        door, registration, config, url=url, form=form, proof=proof, seconds=INTROSPECTION_SECONDS
    )
    return read_introspection(back_channel.judged(answer, url=url, bad_grant="token_unreadable"))


@dataclass(slots=True)
class _Reader:
    """Reads members of a token response. What is unusable but harmless becomes a warning."""

    body: Mapping[str, JsonValue]
    warnings: list[str] = field(default_factory=list)

    def warn(self, name: str) -> None:
        self.warnings.append(f"{name} is unusable")

    def get(self, name: str) -> JsonValue:
        """The value, None when it is absent, null or empty text."""
        value = self.body.get(name)
        return None if value == "" else value

    def text(self, name: str, *, most: int = 2000) -> str:
        value = self.get(name)
        text = plain(value, most=most)
        if value is not None and not text:
            self.warn(name)
        return text


def read_token_response(body: Mapping[str, JsonValue]) -> TokenResponse:
    """Raises `token_unreadable` without a usable token or with a patient that is none, else see `exchange_code`."""
    reader = _Reader(body)
    access_token = _access_token(reader)
    token_type = _token_type(reader)
    response = TokenResponse(
        access_token=access_token,
        token_type=token_type,
        expires_in=_expires_in(reader),
        scope=_scope(reader),
        refresh_token=_refresh_token(reader),
        id_token=_id_token(reader),
        patient=_patient(reader),
        encounter=_encounter(reader),
        need_patient_banner=_banner(reader),
        intent=reader.text("intent", most=200),
        smart_style_url=reader.text("smart_style_url"),
        tenant=reader.text("tenant", most=500),
        fhir_context=_fhir_context(reader),
        fhir_user=reader.text("fhirUser"),
        details=_details(reader),
        # Last: the calls above fill it.
        warnings=tuple(reader.warnings),
    )
    return response


def _access_token(reader: _Reader) -> Secret:
    """Goes into a header, so that anything but visible ASCII would let the EHR write headers of its own."""
    value = reader.get("access_token")
    if not isinstance(value, str) or len(value) > TOKEN_MOST or not is_visible_ascii(value):
        refuse("token_unreadable", "access_token is missing or not a usable text", "access_token")
    return Secret(value)


def _token_type(reader: _Reader) -> str:
    value = reader.get("token_type")
    if not isinstance(value, str) or value.lower() != "bearer":
        refuse("token_unreadable", "token_type is missing or not Bearer", "token_type")
    return "Bearer"


def _expires_in(reader: _Reader) -> int | None:
    value = reader.get("expires_in")
    if isinstance(value, str) and re.fullmatch(r"[0-9]{1,15}(\.[0-9]{1,9})?", value):
        value = Decimal(value)
    if isinstance(value, int | Decimal) and not isinstance(value, bool) and 1 <= value < _PLAUSIBLE_SECONDS:
        return min(int(value), TEN_YEARS)
    reader.warn("expires_in")
    return None


def _scope(reader: _Reader) -> str | None:
    """Words apart by single spaces; an array of words, as some send it, is read as well."""
    value = reader.body.get("scope")
    if value is None:
        return None
    items = [value] if isinstance(value, str) else value
    if not isinstance(items, list) or not all(isinstance(item, str) for item in items):
        reader.warn("scope")
        return None
    words = " ".join(item for item in items if isinstance(item, str)).split()
    fit = [word for word in words if is_visible_ascii(word)]
    if len(fit) < len(words):
        reader.warn("scope")
    return " ".join(fit)


def _refresh_token(reader: _Reader) -> Secret | None:
    value = reader.get("refresh_token")
    if value is None:
        return None
    if not isinstance(value, str) or len(value) > TOKEN_MOST or not is_visible_ascii(value):
        reader.warn("refresh_token")
        return None
    return Secret(value)


def _id_token(reader: _Reader) -> Secret | None:
    """Of an id_token that came nothing may be left out: text goes to verification, anything else fails here."""
    value = reader.get("id_token")
    if value is None:
        return None
    if not isinstance(value, str):
        refuse("identity_invalid", "id_token is not a text", "type")
    return Secret(value)


def _patient(reader: _Reader) -> str:
    """Goes into URLs and decides whose data is shown: a FHIR id or nothing, never a guess at what was meant."""
    value = reader.get("patient")
    if value is None:
        return ""
    if not isinstance(value, str) or not is_fhir_id(value):
        refuse("token_unreadable", "patient is not a FHIR id", "patient")
    return value


def _encounter(reader: _Reader) -> str:
    value = reader.get("encounter")
    if isinstance(value, str) and is_fhir_id(value):
        return value
    if value is not None:
        reader.warn("encounter")
    return ""


def _banner(reader: _Reader) -> bool | None:
    """Some servers send the words instead of the values."""
    value = reader.get("need_patient_banner")
    if isinstance(value, str):
        value = {"true": True, "false": False}.get(value.strip().lower(), value)
    if isinstance(value, bool):
        return value
    if value is not None:
        reader.warn("need_patient_banner")
    return None


def _fhir_context(reader: _Reader) -> tuple[ContextItem, ...]:
    items, whole = read_fhir_context(reader.get("fhirContext"))
    if not whole:
        reader.warn("fhirContext")
    return items


def _details(reader: _Reader) -> tuple[AuthorizationDetail, ...]:
    details, whole = read_details(reader.get(authorization_details.NAME))
    if not whole:
        reader.warn(authorization_details.NAME)
    return details
