"""What the database holds and would fail at the next launch: sites, registrations, keys, the ends of the audit chains.

These run with `check --deploy` alone, in a fixed number of queries. Without a database they say that nothing was looked
at.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any, TypeVar

from django.conf import settings
from django.contrib.sites.models import Site
from django.core import checks
from django.db import Error as DatabaseError
from django.db.models import Model, Q, QuerySet
from django.utils import timezone

from launcher import conf, key_expiry, registration_rules, vendors
from launcher.models import AuditChain, AuditEvent, EhrRegistration, SigningKey
from launcher.smart import origins
from launcher.smart.errors import SmartError
from launcher.system_checks.addresses import is_served
from launcher.system_checks.messages import Found, error, warning

AT_MOST = 500
"""So many rows of a kind are looked at; that there are more is said."""

T = TypeVar("T", bound=Model)
# What is wrong here shows on the chart, or nowhere; anything else fails launches, or lets through what it should not.
_HARMLESS = {"panels", "time_zone", "mrn_system", "page_size", "stale_minutes", "test_patients", "frame_ancestors"}


def stored(app_configs: object, **kwargs: Any) -> list[checks.CheckMessage]:
    """All of them, or one warning when the database does not answer or has no tables yet."""
    try:
        return [message for look in (sites, pkce_is_off, registrations, keys, audit_ends) for message in look()]
    except DatabaseError as problem:
        return [
            warning(
                "W120",
                f"What the database holds was not looked at: it failed ({type(problem).__name__}).",
                "See that the database runs and DATABASE_URL is right, run `manage.py migrate`, and check again.",
            )
        ]


def sites() -> Found:
    """The other sites, which are served as https://<domain>; the default one is judged by SMARTPORTAL_BASE_URL."""
    rows, rest = _first(Site.objects.exclude(pk=settings.SITE_ID).order_by("pk"), "sites")
    yield from rest
    for site in rows:
        yield from _site(site.domain.lower())


def _site(domain: str) -> Iterator[checks.CheckMessage]:
    needs_origin = conf.secure_cookies() and not conf.trusted_proxies()
    if domain == conf.base_host():
        hint = "Move its registrations to the default site, or give it a domain of its own."
        yield warning("W111", f"The site {domain} is never served: SMARTPORTAL_BASE_URL has its name.", hint)
    elif not is_served(domain):
        hint = "Add the host name to ALLOWED_HOSTS; a site's domain has no scheme and no path."
        yield warning("W110", f"The site {domain} is not in ALLOWED_HOSTS: every page of it is refused.", hint)
    elif needs_origin and f"https://{domain}" not in settings.CSRF_TRUSTED_ORIGINS:
        hint = "Name the proxy in SMARTPORTAL_TRUSTED_PROXIES, or the host itself in ALLOWED_HOSTS."
        yield warning("W112", f"Forms of the admin at https://{domain} will be refused.", hint)


def pkce_is_off() -> Found:
    """A standing warning for every registration that sends no PKCE challenge."""
    without = EhrRegistration.objects.filter(send_pkce=False).select_related("site").order_by("pk")
    rows, rest = _first(without, "registrations without PKCE")
    yield from rest
    for row in rows:
        hint = "Switch PKCE on again as soon as the EHR takes it."
        yield warning("W102", f"{_name(row)} sends no PKCE challenge.", hint)


def registrations() -> Found:
    """Registrations that are on, judged again by the rules of today and the settings of now."""
    signing = SigningKey.objects.filter(retiring_at=None, active_from__lte=timezone.now())
    active = set(signing.values_list("algorithm", flat=True).distinct())
    on = EhrRegistration.objects.filter(enabled=True).select_related("site").order_by("pk")
    rows, rest = _first(on, "registrations that are on")
    yield from rest
    for row in rows:
        yield from _registration(row, active)


def _registration(row: EhrRegistration, active: Collection[str]) -> Iterator[checks.CheckMessage]:
    name = _name(row)
    if row.vendor and vendors.get(row.vendor) is None:
        hint = "Load its plugin again (SMARTPORTAL_PLUGINS) or choose another: its ways are not followed now."
        yield warning("W122", f"{name}: the preset “{row.vendor}” is not installed.", hint)
    if row.environment == row.Environment.PRODUCTION and any(map(_is_http, row.frame_ancestors)):
        yield warning("W123", f"{name} lets a page without https frame it, in Production.", "Write https:// there.")
    unreadable = _secret_problem(row)
    if unreadable:
        yield unreadable
        return  # the rules would stumble over the same secret
    for field, problem in registration_rules.problems(row, active_algorithms=active):
        tell, number = (warning, "W121") if field in _HARMLESS else (error, "E121")
        yield tell(number, f"{name}, {field}: {problem}", "Mend it in the admin: launches are judged by what is saved.")


def _secret_problem(row: EhrRegistration) -> checks.CheckMessage | None:
    try:
        row.secret.reveal()
    except SmartError as problem:
        if row.secret_from:
            hint = "Set it where this program runs, or save the secret here with “Replace secret”."
            return error("E122", f"{_name(row)}: {problem.description}.", hint)
        hint = "Put the key that was in SMARTPORTAL_FIELD_KEYS back, behind the others; or enter the secret anew."
        return error("E123", f"{_name(row)}: {problem.description}.", hint)
    return None


def keys() -> Found:
    """Our signing keys open with the field keys of today; secrets and keys that run out."""
    rows, rest = _first(SigningKey.objects.filter(retiring_at=None), "signing keys")
    yield from rest
    for key in rows:
        if problem := _refusal(key):
            hint = "Put the field key back that it was written with, or make another with `manage.py new_signing_key`."
            yield error("E124", f"The signing key {key.kid} cannot be opened: {problem}.", hint)
    for expiry in key_expiry.warnings(None):
        yield warning("W124" if expiry.kind == "secret" else "W125", expiry.text, expiry.hint)


def _refusal(key: SigningKey) -> str:
    try:
        key.private_pem.reveal()
    except SmartError as problem:
        return problem.description
    return ""


def audit_ends() -> Found:
    """Each chain ends with the event that its head names: an end cut off is seen without walking the chains."""
    heads = {head.number: head for head in AuditChain.objects.all()[:AT_MOST] if head.sequence}
    ends = Q(pk=None)
    for head in heads.values():
        ends |= Q(chain=head.number, sequence=head.sequence, hash=head.hash)
    found = set(AuditEvent.objects.filter(ends).values_list("chain", flat=True))
    for number in sorted(heads.keys() - found):
        hint = "Run `manage.py verify_audit`, keep the database as it is, and tell whoever answers for the audit."
        yield error("E125", f"Audit chain {number} does not end with the event that its head names.", hint)


def _first(rows: QuerySet[T], what: str) -> tuple[list[T], list[checks.CheckMessage]]:
    """The first rows, and a warning in place of the rest if there is one."""
    found = list(rows[: AT_MOST + 1])
    if len(found) <= AT_MOST:
        return found, []
    hint = "Check each of the others with `manage.py check_ehr`, or look at them in the admin."
    rest = warning("W126", f"There are more than {AT_MOST} {what}; the rest was not looked at.", hint)
    return found[:AT_MOST], [rest]


def _name(row: EhrRegistration) -> str:
    return row.slug if row.site_id == settings.SITE_ID else f"{row.slug} at {row.site.domain}"


def _is_http(origin: object) -> bool:
    try:
        return origins.parse_base(str(origin)).scheme == "http"
    except ValueError:
        return False
