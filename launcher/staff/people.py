"""From somebody the provider has identified to an account here: (issuer, subject), never a name or an e-mail address.

OpenID Connect Core 1.0, section 5.7. What the account may do is what the provider's groups say, at each sign-in anew.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.contrib.sites.models import Site
from django.db import transaction

from launcher import audit
from launcher.membership import staff_name
from launcher.models import StaffSites
from launcher.smart.foreign_text import plain
from launcher.smart.strict_json import JsonValue
from launcher.staff.options import SUPERUSER, Options
from launcher.staff.refusals import Refused


@dataclass(frozen=True, slots=True, kw_only=True)
class StaffIdentity:
    """Whom the provider identified, and its groups; names and e-mail address are for lists of users alone."""

    issuer: str
    subject: str
    groups: tuple[str, ...]
    given_name: str = ""
    family_name: str = ""
    email: str = ""

    @classmethod
    def of(cls, claims: Mapping[str, JsonValue], *, groups: tuple[str, ...]) -> StaffIdentity:
        """From claims that were verified."""
        given, family = (plain(claims.get(name), most=150) for name in ("given_name", "family_name"))
        return cls(
            issuer=str(claims["iss"]),
            subject=str(claims["sub"]),
            groups=groups,
            given_name=given,
            family_name=family or ("" if given else plain(claims.get("name"), most=150)),
            email=plain(claims.get("email"), most=254),
        )

    @property
    def username(self) -> str:
        """Begins otherwise than a provider's: whom an EHR identified is somebody else, even with the same issuer."""
        digest = hashlib.sha256(f"{self.issuer}\n{self.subject}".encode()).hexdigest()
        return f"staff-{digest[:40]}"


def admit(identity: StaffIdentity, options: Options, *, site: str) -> Any:
    """The account, made if there is none, with exactly the rights that the groups give. `site` names it in the audit.

    Raises Refused: "no_role" (an account that had one loses it), "inactive", "set_up" for a role or site that is not
    here; django.db.Error when the change cannot be audited, and then nothing is changed.
    """
    roles = _of_groups(options.roles, identity.groups)
    with transaction.atomic():
        user = _account(identity, make=bool(roles))
        if user is None:
            raise _no_role(identity)
        _set_rights(user, identity, roles=roles, site=site)
        if roles and options.sites:
            _set_sites(user, _of_groups(options.sites, identity.groups))
    if not roles:
        raise _no_role(identity)
    if not user.is_active:
        raise Refused("inactive", actor=staff_name(user))
    return user


def _no_role(identity: StaffIdentity) -> Refused:
    return Refused("no_role", actor=f"staff {identity.username}")


def _of_groups(pairs: Sequence[tuple[str, str]], groups: Sequence[str]) -> tuple[str, ...]:
    return tuple(sorted({value for group, value in pairs if group in groups}))


def _account(identity: StaffIdentity, *, make: bool) -> Any:
    users = get_user_model().objects
    if make:
        users.get_or_create(username=identity.username)
    user = users.select_for_update().filter(username=identity.username).first()
    if user is not None:
        user.first_name, user.last_name, user.email = identity.given_name, identity.family_name, identity.email
        if user.has_usable_password():
            user.set_unusable_password()
    return user


def _set_rights(user: Any, identity: StaffIdentity, *, roles: tuple[str, ...], site: str) -> None:
    """Groups and flags, and one audit event if they are not what they were."""
    before = _rights(user)
    wanted = [role for role in roles if role != SUPERUSER]
    groups = list(Group.objects.filter(name__in=wanted))
    if len(groups) < len(wanted):
        raise Refused("set_up", reason="role_missing", description=f"no group has the name of a role in {wanted}")
    user.is_staff, user.is_superuser = bool(roles), SUPERUSER in roles
    user.save()
    user.groups.set(groups)
    user.user_permissions.clear()
    if roles != before:
        facts = audit.Facts(
            detail={
                "before": ", ".join(before),
                "after": ", ".join(roles),
                "issuer": identity.issuer,
                "subject": identity.subject,
            }
        )
        audit.write("admin.roles_changed", audit.Subject(site=site, actor=staff_name(user)), facts)


def _rights(user: Any) -> tuple[str, ...]:
    groups = user.groups.values_list("name", flat=True)
    return tuple(sorted([*groups, *([SUPERUSER] if user.is_superuser else [])]))


def _set_sites(user: Any, domains: Sequence[str]) -> None:
    sites = list(Site.objects.filter(domain__in=domains))
    if len(sites) < len(domains):
        raise Refused("set_up", reason="site_missing", description="SMARTPORTAL_ADMIN_OIDC_SITES names no site of ours")
    row, _ = StaffSites.objects.get_or_create(user=user)
    row.sites.set(sites)
