"""Launches on their way: begun at the redirect to the EHR, taken up once at the callback, by the same browser."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Q
from django.utils import timezone

from launcher import cookies, trace
from launcher.models import EhrRegistration, PendingLaunch
from launcher.smart.authorization import LaunchRequest, new_nonce, new_state
from launcher.smart.configuration import SmartConfiguration
from launcher.smart.errors import SmartError
from launcher.smart.pkce import new_verifier
from launcher.smart.registration import ClientRegistration

LIFETIME = timedelta(minutes=10)
PER_BROWSER = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """What one begun launch needs at once: the values for the EHR, and the secret for the browser's cookie."""

    state: str
    nonce: str
    verifier: str
    binding: str


def begin(
    registration: EhrRegistration,
    client: ClientRegistration,
    *,
    config: SmartConfiguration,
    request: LaunchRequest,
    browser: str,
) -> Begun:
    """Mint state, nonce, verifier and browser secret, and keep what the callback must find."""
    begun = Begun(
        state=new_state(),
        nonce=new_nonce() if registration.send_nonce and "openid" in client.scopes.split() else "",
        verifier=new_verifier() if client.quirks.pkce else "",
        binding=cookies.new_secret(),
    )
    now = timezone.now()
    _make_room(cookies.hashed(browser), now)
    PendingLaunch.objects.create(
        state_hash=cookies.hashed(begun.state),
        binding_hash=cookies.hashed(begun.binding),
        browser_hash=cookies.hashed(browser),
        trace_id=trace.begin_new(),
        registration=registration,
        created_at=now,
        iss=request.iss,
        mode="ehr" if request.launch else "standalone",
        redirect_uri=client.redirect_uri,
        scopes=client.scopes,
        nonce=begun.nonce,
        configuration=config.to_json(),
        verifier=begun.verifier,
        client_secret=client.client_secret.reveal(),
    )
    return begun


def _make_room(browser_hash: str, now: datetime) -> None:
    """Keep at most fifty per browser, the newest, and none that has expired (RFC 9700, 4.7: bounded state)."""
    waiting = PendingLaunch.objects.filter(browser_hash=browser_hash, consumed_at=None).order_by("-created_at")
    surplus = list(waiting.values_list("pk", flat=True)[PER_BROWSER - 1 : PER_BROWSER + 200])
    old = Q(created_at__lt=now - 2 * LIFETIME)
    expired = list(PendingLaunch.objects.filter(old).values_list("pk", flat=True)[:100])
    if surplus or expired:
        PendingLaunch.objects.filter(pk__in=[*surplus, *expired]).delete()


def find(state: str) -> PendingLaunch:
    """The pending launch with this state, used or not. Raises `state_unknown` when there is none or it is too old."""
    rows = PendingLaunch.objects.select_related("registration__site").filter(state_hash=cookies.hashed(state))
    row = next(iter(rows), None)
    if row is None:
        raise SmartError("state_unknown", "no launch with this state is under way", reason="state_unknown")
    trace.about_registration(row.registration, mode=row.mode, trace_id=row.trace_id)
    if row.created_at < timezone.now() - LIFETIME:
        raise SmartError("state_unknown", "the state is older than ten minutes", reason="state_expired")
    return row


def consume(row: PendingLaunch) -> None:
    """Use the state up. Of several requests at the same moment one gets through; the others raise `state_unknown`."""
    if not PendingLaunch.objects.filter(pk=row.pk, consumed_at=None).update(consumed_at=timezone.now()):
        raise SmartError("state_unknown", "the state has been used", reason="state_used")
