"""What the environment says about the hospital's provider (`docs/staff-sign-in.md`), read into one record."""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from launcher import roles
from launcher.smart.registration import ClientRegistration
from launcher.smart.secret import Secret

SUPERUSER = "superuser"

Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """`roles` and `sites` pair a group of the provider's with a role here and with a site's domain."""

    issuer: str
    client_id: str
    client_secret: Secret
    scopes: str
    groups_claim: str
    roles: Pairs
    sites: Pairs

    def client(self, *, redirect_uri: str = "") -> ClientRegistration:
        return ClientRegistration(
            iss=self.issuer,
            client_id=self.client_id,
            redirect_uri=redirect_uri,
            scopes=self.scopes,
            client_secret=self.client_secret,
        )


def options() -> Options:
    """Raises ImproperlyConfigured naming the variable that cannot be read."""
    return Options(
        issuer=settings.SMARTPORTAL_ADMIN_OIDC_ISSUER,
        client_id=settings.SMARTPORTAL_ADMIN_OIDC_CLIENT_ID,
        client_secret=Secret(settings.SMARTPORTAL_ADMIN_OIDC_CLIENT_SECRET),
        scopes=" ".join(settings.SMARTPORTAL_ADMIN_OIDC_SCOPES.split()),
        groups_claim=settings.SMARTPORTAL_ADMIN_OIDC_GROUPS_CLAIM,
        roles=_roles(),
        sites=pairs(settings.SMARTPORTAL_ADMIN_OIDC_SITES, variable="SMARTPORTAL_ADMIN_OIDC_SITES"),
    )


def _roles() -> Pairs:
    variable = "SMARTPORTAL_ADMIN_OIDC_ROLES"
    found = pairs(settings.SMARTPORTAL_ADMIN_OIDC_ROLES, variable=variable)
    known = (*roles.ROLES, SUPERUSER)
    if unknown := [role for _, role in found if role not in known]:
        raise ImproperlyConfigured(f"{variable}: “{unknown[0]}” is no role. The roles are {', '.join(known)}.")
    return found


def pairs(text: str, *, variable: str) -> Pairs:
    """Read "group=value, group=value"; semicolons part them where a group's own name has commas, as in a directory.

    The last equals sign counts, so that a group may be called "CN=Portal,OU=Groups". Raises ImproperlyConfigured.
    """
    found = []
    for part in filter(str.strip, text.split(";" if ";" in text else ",")):
        group, _, value = part.rpartition("=")
        if not group.strip() or not value.strip():
            raise ImproperlyConfigured(f"{variable}: “{part.strip()}” is not of the form group=value.")
        found.append((group.strip(), value.strip()))
    return tuple(found)
