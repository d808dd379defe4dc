"""System check: the staff's sign-in at a provider is set up wholly or not at all."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from django.conf import settings
from django.core import checks
from django.core.exceptions import ImproperlyConfigured

from launcher.smart.origins import parse_base
from launcher.staff.options import options

_NEEDED = ("ISSUER", "CLIENT_ID", "CLIENT_SECRET", "ROLES")
_DOCS = "docs/staff-sign-in.md has an example. To switch it off, set none of the SMARTPORTAL_ADMIN_OIDC_ variables."


def staff_sign_in(app_configs: object, **kwargs: Any) -> Iterable[checks.CheckMessage]:
    """A provider, or none; half of one would look as if the hospital's rules held here."""
    given = {name for name in (*_NEEDED, "SITES") if getattr(settings, f"SMARTPORTAL_ADMIN_OIDC_{name}")}
    return list(_problems(given)) if given else []


def _problems(given: set[str]) -> Iterator[checks.CheckMessage]:
    missing = [f"SMARTPORTAL_ADMIN_OIDC_{name}" for name in _NEEDED if name not in given]
    if missing:
        yield _error(f"The staff's sign-in is only partly set up: {', '.join(missing)} not set.", 21)
    if "ISSUER" in given and (problem := _issuer_problem(settings.SMARTPORTAL_ADMIN_OIDC_ISSUER)):
        yield _error(f"SMARTPORTAL_ADMIN_OIDC_ISSUER {problem}", 22)
    if "openid" not in settings.SMARTPORTAL_ADMIN_OIDC_SCOPES.split():
        yield _error("SMARTPORTAL_ADMIN_OIDC_SCOPES lacks “openid”: without it nobody is identified.", 23)
    try:
        options()
    except ImproperlyConfigured as error:
        yield _error(str(error), 24)


def _issuer_problem(issuer: str) -> str:
    try:
        scheme = parse_base(issuer).scheme
    except ValueError as error:
        return f"is not a plain web address ({error})."
    return "" if scheme == "https" or settings.DEBUG else "must be https."


def _error(text: str, number: int) -> checks.Error:
    return checks.Error(text, hint=_DOCS, id=f"smartportal.E{number:03}")
