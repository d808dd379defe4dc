"""The two ends of a launch: out to the EHR's authorization endpoint, and back with a code."""

from __future__ import annotations

import logging
from dataclasses import asdict, dataclass, replace
from datetime import timedelta

from django.contrib.auth import authenticate
from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone

from launcher import audit, cookies, metrics, pending, styles, trace, trace_facts
from launcher.asked_scopes import asked_scopes
from launcher.discovery import configuration_of, door_for, verified_identity
from launcher.models import EhrRegistration, Launch, PendingLaunch, Person, StyleSheet
from launcher.revocation import end_all
from launcher.smart import token as smart_token
from launcher.smart.authorization import AuthorizeRequest, LaunchRequest
from launcher.smart.configuration import SmartConfiguration
from launcher.smart.errors import SmartError
from launcher.smart.fhir_version import FhirVersion
from launcher.smart.identity import IdentityClaims
from launcher.smart.launch_context import other_patients
from launcher.smart.patient_context import patient_in_claim, patient_of_user
from launcher.smart.pkce import s256_challenge
from launcher.smart.registration import ClientRegistration
from launcher.smart.scopes import may_choose_a_patient, standalone_scopes
from launcher.smart.token import TokenResponse
from launcher.tracing import new_reference, reached, step

LONGEST_ADDRESS = 2000

logger = logging.getLogger("smartportal.launch")


@dataclass(frozen=True, slots=True, kw_only=True)
class Departure:
    """Where to send the browser, and the cookie that binds its return."""

    url: str
    state: str
    binding: str
    endpoint: str
    fields: tuple[tuple[str, str], ...]
    by_form: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """A launch that has been opened, and the secret for its own cookie."""

    launch: Launch
    secret: str


def begin_launch(registration: EhrRegistration, request: LaunchRequest, *, browser: str) -> Departure:
    """Build the request for a code (SMART App Launch 2.2, "Request authorization code"); `aud` is `iss` as it came."""
    client = registration.as_client(iss=request.iss)
    if not request.launch:
        client = replace(client, scopes=standalone_scopes(client.scopes))
    with step("discovery") as found:
        config = configuration_of(registration, client, door_for(client))
        found.note(**trace_facts.published(config))
    client = replace(client, scopes=asked_scopes(registration, client, config, scopes=client.scopes))
    begun = pending.begin(registration, client, config=config, request=request, browser=browser)
    ask = AuthorizeRequest(
        client_id=client.client_id,
        redirect_uri=client.redirect_uri,
        scope=client.scopes,
        state=begun.state,
        aud=request.iss,
        launch=request.launch,
        code_challenge=s256_challenge(begun.verifier) if begun.verifier else "",
        nonce=begun.nonce,
    )
    url = ask.url(config.authorization_endpoint)
    by_form = _by_form(registration, config, url)
    with step("redirected") as redirected:
        redirected.say(trace_facts.authorization_request(ask, config, by_form=by_form))
    metrics.note_launch(site=registration.site_name, ehr=registration.slug, outcome="sent", stage="launch")
    return Departure(
        url=url,
        state=begun.state,
        binding=begun.binding,
        endpoint=config.authorization_endpoint,
        fields=tuple(ask.parameters()),
        by_form=by_form,
    )


def _by_form(registration: EhrRegistration, config: SmartConfiguration, url: str) -> bool:
    """POST where it is registered so, or where the EHR takes it and the address would be too long for some servers."""
    if registration.authorize_method != registration.AuthorizeMethod.AUTO:
        return registration.authorize_method == registration.AuthorizeMethod.POST
    return len(url) > LONGEST_ADDRESS and "authorize-post" in config.capabilities


def complete_launch(http_request: HttpRequest, row: PendingLaunch, code: str) -> Arrival:
    """Exchange the code, verify who signed in, and open the launch. The state has been used up before this is called.

    Raises the contract's token and identity codes, `no_patient`, and `ehr_unreachable`.
    """
    registration = row.registration
    client = registration.as_client(secret=row.client_secret, iss=row.iss)
    config = SmartConfiguration.from_json(row.configuration)
    door = door_for(client)
    with step("token") as asked:
        tokens = smart_token.exchange_code(
            door, client, config, code=code, redirect_uri=row.redirect_uri, verifier=row.verifier.reveal()
        )
        asked.note(**trace_facts.granted(tokens, requested=row.scopes))
    reached("token")
    with step("identity") as signed_in:
        claims = _identity(row, client, config, tokens)
        signed_in.note(id_token="verified" if claims else "none came")
    with step("context") as context:
        patient = _patient(row, client, tokens, claims)
        context.note(patient="named" if patient else "to be chosen")
    user = authenticate(http_request, smart_claims=claims) if claims else None
    person = Person.objects.filter(user=user).first() if user else None
    style = styles.kept_style(registration, door, tokens.smart_style_url)
    return opened(row, config, replace(tokens, patient=patient), claims=claims, person=person, style=style)


def _patient(
    row: PendingLaunch, client: ClientRegistration, tokens: TokenResponse, claims: IdentityClaims | None
) -> str:
    """The patient of the launch, or "" when the provider is to choose one (`docs/contract.md`, 8, ruling 3).

    EHR launch: the token response, or the claim of a JWT access token where a preset names one. Standalone launch: also
    the person who signed in when that is a Patient, else the picker when user scopes were granted. Raises `no_patient`.
    """
    found = tokens.patient or patient_in_claim(tokens.access_token, client.quirks.patient_claim)
    if not found and row.mode == "standalone":
        found = patient_of_user(claims.fhir_user if claims else tokens.fhir_user, base=client.iss)
        granted = row.scopes if tokens.scope is None else tokens.scope
        if not found and may_choose_a_patient(granted):
            return ""
    if not found:
        raise SmartError("no_patient", "the token response names no patient", reason="patient")
    return found


def _identity(
    row: PendingLaunch, client: ClientRegistration, config: SmartConfiguration, tokens: TokenResponse
) -> IdentityClaims | None:
    if tokens.id_token is None:
        if client.require_identity:
            raise SmartError("identity_invalid", "the EHR sent no id_token", reason="missing")
        return None
    return verified_identity(
        row.registration, client, config, door_for(client), id_token=tokens.id_token, nonce=row.nonce
    )


def opened(
    row: PendingLaunch,
    config: SmartConfiguration,
    tokens: TokenResponse,
    *,
    claims: IdentityClaims | None = None,
    person: Person | None = None,
    style: StyleSheet | None = None,
) -> Arrival:
    """Write launch and audit events in one transaction, so that neither exists without the other.

    `row` need not be a saved one. An empty access token is none: it is never sent, and no event speaks of it.
    """
    now = timezone.now()
    secret = cookies.new_secret()
    registration = row.registration
    version = _version(config, tokens)
    launch = Launch(
        site=registration.site,
        registration=registration,
        reference=new_reference(),
        created_at=now,
        last_seen_at=now,
        binding_hash=cookies.hashed(secret),
        browser_hash=row.browser_hash,
        iss=registration.fhir_base_for(row.iss),
        mode=row.mode,
        fhir_version=version if registration.fhir_version == registration.Version.AUTO else registration.fhir_version,
        configuration=row.configuration,
        patient=tokens.patient,
        encounter=tokens.encounter,
        need_patient_banner=tokens.need_patient_banner,
        intent=tokens.intent,
        tenant=tokens.tenant,
        smart_style_url=tokens.smart_style_url,
        style=style,
        fhir_context=[asdict(item) for item in tokens.fhir_context],
        requested_scopes=row.scopes,
        granted_scopes=tokens.scope,
        person=person,
        viewer=(claims.display or claims.fhir_user or claims.subject)[:255] if claims else "",
        fhir_user=claims.fhir_user if claims else tokens.fhir_user,
        access_token=tokens.access_token,
        refresh_token=tokens.refresh_token,
        token_expires_at=None if tokens.expires_in is None else now + timedelta(seconds=tokens.expires_in),
    )
    subject = audit.Subject(
        site=registration.site.domain,
        registration=registration.slug,
        launch=launch.id,
        actor=actor_of(launch),
        patient=tokens.patient,
    )
    with transaction.atomic():
        launch.save(force_insert=True)
        PendingLaunch.objects.filter(pk=row.pk).update(launch=launch)
        _end_other_peoples_launches(launch)
        facts = audit.Facts(reference=launch.reference)
        events = ("token.obtained", "session.opened") if tokens.access_token else ("session.opened",)
        audit.write_together(events, subject, facts)
    reached("token")
    trace.opened(launch)
    stage = "callback" if row.pk else "launch"
    metrics.note_launch(site=registration.site_name, ehr=registration.slug, outcome="opened", stage=stage)
    for warning in tokens.warnings:
        logger.warning("token response of %s: %s", registration.slug, warning)
    if others := other_patients(tokens.fhir_context, patient=tokens.patient, base=launch.iss):
        logger.warning("%s fhirContext of %s names other patients: %s", launch.reference, registration.slug, others)
    return Arrival(launch=launch, secret=secret)


def _version(config: SmartConfiguration, tokens: TokenResponse) -> FhirVersion:
    """What the EHR's own statement says; where that could only be assumed, what the token response says of its base."""
    found = config.fhir_version or FhirVersion.R4
    if not config.version_assumed or found in tokens.fhir_versions:
        return found
    return next(iter(tokens.fhir_versions), found)


def _end_other_peoples_launches(launch: Launch) -> None:
    """A workstation changes hands: what an earlier person opened in this browser at this EHR ends."""
    if launch.person is None:
        return
    earlier = Launch.objects.filter(
        browser_hash=launch.browser_hash, registration=launch.registration, ended_at=None
    ).exclude(person=launch.person)
    end_all(earlier.filter(person__isnull=False).exclude(pk=launch.pk), reason="another-person")


def actor_of(launch: Launch) -> str:
    """Who acts in this launch, as the audit names them: subject and issuer, or "unknown"."""
    return f"{launch.person.subject} ({launch.person.issuer})" if launch.person else "unknown"
