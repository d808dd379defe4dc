"""The launch that a chart's address names, for the browser it belongs to; every chart view gets it from here."""

from __future__ import annotations

import functools
import hashlib
import hmac
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Concatenate, ParamSpec
from urllib.parse import urlsplit

from django.conf import settings
from django.db import transaction
from django.http import HttpRequest, HttpResponseBase
from django.utils import timezone

from launcher import audit, conf, cookies, metrics, recheck, refresh, styles, throttle, trace
from launcher.discovery import door_for
from launcher.flow import actor_of
from launcher.metrics import Stopwatch
from launcher.models import Launch
from launcher.refresh import UsableTokens
from launcher.revocation import end_launches, subject_of
from launcher.site_of import site_of
from launcher.smart.errors import SmartError
from launcher.smart.fhir import FhirClient
from launcher.smart.fhir_version import FhirVersion
from launcher.smart.foreign_text import is_fhir_id
from launcher.smart.launch_context import ContextLine, context_lines
from launcher.smart.token import ContextItem
from launcher.tracing import correlation_id, step

P = ParamSpec("P")
_LAUNCH_ID = re.compile(r"[0-9a-f]{32}")
_SEEN_EVERY_SECONDS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class LaunchAccess:
    """A launch as plain data, with the client that reads for it. Safe to hand to threads: it holds no database row.

    `opened_with` is what the EHR had open, to be shown and not to be fetched. `intent` is the EHR's own word or "".
    `style_address` leads to the EHR's own look, "" where there is none that may be used. `ends_at`: at the latest.
    `mrn_system` is the system of the identifier that is the MRN here, "" for the one that the EHR marks so.
    """

    launch_id: str
    reference: str
    ehr_slug: str
    ehr_name: str
    environment: str
    site_name: str
    iss: str
    iss_host: str
    patient_id: str
    encounter: str
    version: FhirVersion
    need_patient_banner: bool | None
    trust_ehr_banner: bool
    intent: str
    opened_with: tuple[ContextLine, ...]
    style_address: str
    panels: tuple[str, ...]
    ends_at: datetime
    granted_scope: str | None
    requested_scope: str
    viewer: str
    token_expires_at: datetime | None
    token_version: int
    time_zone: str
    mrn_system: str
    stale_minutes: int
    actor: str
    fhir: FhirClient
    secret: str = field(repr=False)
    stopwatch: Stopwatch = field(repr=False)

    def form_token(self, action: str) -> str:
        """What a form of this launch carries: an HMAC of the launch's secret, which no other site can know."""
        return hmac.new(self.secret.encode(), f"{self.launch_id}:{action}".encode(), hashlib.sha256).hexdigest()

    def check_form_token(self, request: HttpRequest, action: str) -> None:
        """Raise `form_expired` unless the posted form was made for this launch and action."""
        if not hmac.compare_digest(request.POST.get("token", "").encode(), self.form_token(action).encode()):
            raise SmartError("form_expired", "the form does not belong to this launch", reason="token")

    def renewed(self) -> LaunchAccess | None:
        """The same with newer tokens, for when the EHR has refused these; None if it gave no way to get any.

        Asks the database and the EHR: for the thread of the request alone. Raises as `refresh.renewed_tokens`.
        """
        launch = _find(self.launch_id)
        if launch is None:
            raise SmartError("session_ended", "the launch has been deleted", reason="deleted")
        tokens = refresh.renewed_tokens(launch, refused_version=self.token_version)
        return None if tokens is None else self._with(tokens)

    def _with(self, tokens: UsableTokens) -> LaunchAccess:
        return replace(
            self,
            granted_scope=tokens.granted_scope,
            token_expires_at=tokens.expires_at,
            token_version=tokens.version,
            fhir=replace(self.fhir, token=tokens.access_token),
        )

    def choose_patient(self, patient_id: str) -> None:
        """Fix the patient of a launch that has none: once, by one conditional UPDATE, audited before anything is shown.

        Raises `no_patient` for what is no FHIR id, and `patient_mismatch` when another patient was chosen before.
        """
        if not is_fhir_id(patient_id):
            raise SmartError("no_patient", "no patient was chosen", reason="choice")
        with transaction.atomic():
            chosen = Launch.objects.filter(pk=self.launch_id, patient="", ended_at=None).update(patient=patient_id)
            if not chosen:
                raise SmartError("patient_mismatch", "the launch has its patient already", reason="chosen_before")
            audit.record("patient.chosen", access=replace(self, patient_id=patient_id))

    def note_use(self, resources: Iterable[str]) -> None:
        """Keep which resource types are really read, beside what was asked and granted; written when that changes."""
        used = " ".join(sorted({"Patient", *resources}))
        Launch.objects.filter(pk=self.launch_id).exclude(used_scopes=used).update(used_scopes=used)

    def note_banner(self) -> None:
        """The banner can be sent now: count how long that took."""
        metrics.note_banner(self.stopwatch)

    def note_panel(self, panel: str, state: str) -> None:
        """A panel can be sent now, in this state: count how long that took."""
        metrics.note_panel(self.stopwatch, panel=panel, state=state)

    def end(self, reason: str) -> None:
        """End the launch, erase its tokens and have them revoked; done twice, the first reason stays."""
        if end_launches(self.launch_id, reason=reason):
            with step("ended") as ended:
                ended.note(reason=reason)
            audit.record("session.ended", access=self, reason=reason)

    def forget(self, response: HttpResponseBase) -> None:
        """Let the browser drop this launch's cookie, and its copies of our pages (cookies of other charts stay)."""
        cookies.launch_cookie(self.launch_id).drop(response)
        response["Clear-Site-Data"] = '"cache"'

    @property
    def subject(self) -> audit.Subject:
        return audit.Subject(
            site=self.site_name,
            registration=self.ehr_slug,
            launch=self.launch_id,
            actor=self.actor,
            patient=self.patient_id,
        )


View = Callable[Concatenate[HttpRequest, LaunchAccess, P], HttpResponseBase]


def launch_required(view: View[P]) -> Callable[..., HttpResponseBase]:
    """Hand the view the launch of its address, or answer `session_ended`, the same for every reason."""
    return _with_launch(view, fresh=True)


def launch_required_as_it_is(view: View[P]) -> Callable[..., HttpResponseBase]:
    """The same for what asks the EHR nothing: its tokens may have ended, and nobody waits for newer ones."""
    return _with_launch(view, fresh=False)


def _with_launch(view: View[P], *, fresh: bool) -> Callable[..., HttpResponseBase]:
    @functools.wraps(view)
    @trace.traced
    def checked(request: HttpRequest, launch_id: str, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        return view(request, open_launch(request, launch_id, fresh=fresh), *args, **kwargs)

    return checked


def open_launch(request: HttpRequest, launch_id: str, *, fresh: bool = True) -> LaunchAccess:
    """The launch with this id if this browser holds its secret and it is still open, else `session_ended`.

    With `fresh`, its token is refreshed when it has ended or is about to; raises as `refresh.usable_tokens`.
    """
    site = site_of(request)
    request.smart_stage = "chart"  # type: ignore[attr-defined]  # read when an error becomes a page
    request.audit_subject = audit.Subject(site=site.domain)  # type: ignore[attr-defined]
    launch = _find(launch_id, site_id=site.id)
    if launch is not None:
        trace.about_launch(launch)
    secret = cookies.launch_cookie(launch_id).read(request) if launch else ""
    if launch is None or not cookies.matches(secret, launch.binding_hash):
        throttle.count_miss(request)
        raise SmartError("session_ended", "no open launch of this browser has this address", reason="not_owner")
    request.ehr_registration = launch.registration  # type: ignore[attr-defined]  # read by the headers middleware
    request.audit_subject = subject_of(launch)  # type: ignore[attr-defined]
    now = timezone.now()
    if reason := _why_ended(launch, now, fresh=fresh):
        if end_launches(launch.pk, reason=reason):
            audit.write("session.expired", subject_of(launch), audit.Facts(outcome="refused", reason=reason))
        raise SmartError("session_ended", f"the launch has ended: {reason}", reason=reason)
    access = _access(launch, secret)
    if fresh and recheck.is_due(launch, now):
        # Before it counts as seen: whoever comes at the same time must not be let through unchecked.
        with step("introspection"):
            access = access._with(recheck.checked_tokens(launch))
        fresh = False
    if (now - launch.last_seen_at).total_seconds() > _SEEN_EVERY_SECONDS:
        Launch.objects.filter(pk=launch.pk, ended_at=None).update(last_seen_at=now)
    return access._with(refresh.usable_tokens(launch)) if fresh else access


def _find(launch_id: str, **where: int) -> Launch | None:
    if not _LAUNCH_ID.fullmatch(launch_id):
        return None
    rows = Launch.objects.select_related("registration__site", "person", "style")
    launch = next(iter(rows.filter(pk=launch_id, **where)), None)
    if launch is not None and launch.style is not None:
        # A style sheet is kept by registration: theirs is this one, without a second join for it.
        launch.style.registration = launch.registration
    return launch


def _why_ended(launch: Launch, now: datetime, *, fresh: bool) -> str:
    """The reason why this launch is not open any more, or ""."""
    if launch.ended_at:
        return launch.end_reason or "ended"
    if now - launch.created_at > conf.absolute_limit():
        return "absolute-limit"
    if now - launch.last_seen_at > conf.idle_limit():
        return "idle"
    if not launch.registration.enabled:
        return "registration-disabled"
    if fresh and launch.token_expires_at and launch.token_expires_at <= now and not launch.refresh_token:
        return "token-expired"
    return ""


def _access(launch: Launch, secret: str) -> LaunchAccess:
    registration = launch.registration
    client = registration.as_client(iss=launch.iss)
    version = FhirVersion(launch.fhir_version)
    return LaunchAccess(
        launch_id=launch.pk,
        reference=launch.reference,
        ehr_slug=registration.slug,
        ehr_name=registration.name,
        environment=registration.environment,
        site_name=registration.site.domain,
        iss=launch.iss,
        iss_host=urlsplit(launch.iss).netloc,
        patient_id=launch.patient,
        encounter=launch.encounter,
        version=version,
        need_patient_banner=launch.need_patient_banner,
        trust_ehr_banner=registration.trust_ehr_banner,
        intent=launch.intent,
        opened_with=context_lines(
            (ContextItem(**item) for item in launch.fhir_context),
            encounter=launch.encounter,
            patient=launch.patient,
            base=launch.iss,
        ),
        style_address=styles.address_of(launch.style),
        panels=tuple(registration.panels),
        ends_at=launch.created_at + conf.absolute_limit(),
        granted_scope=launch.granted_scopes,
        requested_scope=launch.requested_scopes,
        viewer=launch.viewer,
        token_expires_at=launch.token_expires_at,
        token_version=launch.token_version,
        time_zone=registration.time_zone or "UTC",
        mrn_system=registration.mrn_system,
        stale_minutes=registration.stale_minutes or settings.SMARTPORTAL_STALE_MINUTES,
        actor=actor_of(launch),
        fhir=FhirClient(
            door=door_for(client),
            base=launch.iss,
            version=version,
            quirks=client.quirks,
            page_size=registration.page_size or 0,
            token=launch.access_token,
            correlation_id=correlation_id(),
        ),
        secret=secret,
        stopwatch=Stopwatch(registration.site_name, registration.slug),
    )
