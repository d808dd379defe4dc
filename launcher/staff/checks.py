"""System check: the staff's sign-in at a provider is set up wholly or not at all."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from django.conf import settings
from django.core import checks
from django.core.exceptions import ImproperlyConfigured

from launcher.smart.origins import parse_base
from launcher.staff.options import options
from launcher.system_checks.messages import error

_NEEDED = ("ISSUER", "CLIENT_ID", "CLIENT_SECRET", "ROLES")
_DOCS = "docs/staff-sign-in.md has an example. To switch it off, set none of the SMARTPORTAL_ADMIN_OIDC_ variables."


def staff_sign_in(app_configs: object, **kwargs: Any) -> Iterable[checks.CheckMessage]:
    """A provider, or none; half of one would look as if the hospital's rules held here."""
    given = {name for name in (*_NEEDED, "SITES") if getattr(settings, f"SMARTPORTAL_ADMIN_OIDC_{name}")}
    return list(_problems(given)) if given else []


def _problems(given: set[str]) -> Iterator[checks.CheckMessage]:
    missing = [f"SMARTPORTAL_ADMIN_OIDC_{name}" for name in _NEEDED if name not in given]
    if missing:
        yield error("E021", f"The staff's sign-in is only partly set up: {', '.join(missing)} not set.", _DOCS)
    if "ISSUER" in given and (problem := _issuer_problem(settings.SMARTPORTAL_ADMIN_OIDC_ISSUER)):
        yield error("E022", f"SMARTPORTAL_ADMIN_OIDC_ISSUER {problem}", _DOCS)
    if "openid" not in settings.SMARTPORTAL_ADMIN_OIDC_SCOPES.split():
        yield error("E023", "SMARTPORTAL_ADMIN_OIDC_SCOPES lacks “openid”: without it nobody is identified.", _DOCS)
    try:
        options()
    except ImproperlyConfigured as problem:
        yield error("E024", str(problem), _DOCS)


def _issuer_problem(issuer: str) -> str:
    try:
        scheme = parse_base(issuer).scheme
    except ValueError as problem:
        return f"is not a plain web address ({problem})."
    return "" if scheme == "https" or settings.DEBUG else "must be https."
