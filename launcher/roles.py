"""The roles of the staff: which groups there are and what each may do (`docs/roles.md`).

They are installed after each `migrate`: a permission comes with the model that declares it, and Django makes its row
only when all migrations are done. What a role was given is remembered, so that it is given once: a group that somebody
changed, renamed or deleted stays as it was left.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.apps import AppConfig
from django.apps import apps as current_apps
from django.apps.registry import Apps
from django.contrib.auth.management import create_permissions

_RUN_CHECKS = (
    "launcher.view_ehrregistration",
    "launcher.check_ehrregistration",
    "launcher.test_launch",
    "launcher.view_checkrun",
    "launcher.view_launch",
    "launcher.view_launchtrace",
)
ROLES: Mapping[str, tuple[str, ...]] = {
    "Integrator": (
        *_RUN_CHECKS,
        "launcher.add_ehrregistration",
        "launcher.change_ehrregistration",
        "launcher.replace_secret",
        "launcher.switch_ehrregistration",
        "launcher.export_ehrregistration",
        "launcher.end_sessions",
        "launcher.export_launchtrace",
        "launcher.view_signingkey",
        "launcher.add_signingkey",
        "launcher.view_stylesheet",
        "launcher.change_stylesheet",
    ),
    "Site manager": (
        *_RUN_CHECKS,
        "launcher.switch_ehrregistration",
        "launcher.end_sessions",
        "launcher.view_auditevent",
    ),
    "Support": (*_RUN_CHECKS, "launcher.export_launchtrace"),
    "Auditor": (
        "launcher.view_ehrregistration",
        "launcher.view_launchtrace",
        "launcher.view_auditevent",
        "launcher.export_auditevent",
    ),
}


def install_after_migrate(sender: AppConfig, **kwargs: Any) -> None:
    """The receiver of `post_migrate`."""
    apps = kwargs.get("apps") or current_apps
    if sender.label == "launcher":
        create_permissions(sender, verbosity=0, using=kwargs["using"], apps=apps)
        install(apps, using=kwargs["using"])


def install(apps: Apps, *, using: str) -> None:
    """Make the groups that never were, and give every role what it was not given before.

    `apps` may be older than this module: without the table of what was given there are no roles yet.
    """
    try:
        grants = apps.get_model("launcher", "RoleGrant").objects.using(using)
    except LookupError:
        return
    known = _permissions(apps, using)
    for role, permissions in ROLES.items():
        given = set(grants.filter(role=role).values_list("permission", flat=True))
        group = _group(apps, role, new=not given, using=using)
        fresh = set(permissions) - given
        # A group of this name from before the roles is its owner's: it counts as having been given everything.
        taken = fresh if group is None and not given else fresh & known.keys()
        if group is not None:
            group.permissions.add(*(known[name] for name in taken))
        grants.bulk_create(grants.model(role=role, permission=name) for name in sorted(taken))


def _group(apps: Apps, role: str, *, new: bool, using: str) -> Any:
    """The group that stands for a role: made when the role is new; None when it is not ours or no longer there."""
    groups = apps.get_model("auth", "Group").objects.using(using)
    found = groups.filter(name=role).first()
    if not new:
        return found
    return groups.create(name=role) if found is None else None


def _permissions(apps: Apps, using: str) -> dict[str, Any]:
    """The rows of the permissions that exist by now, by their full names."""
    rows = apps.get_model("auth", "Permission").objects.using(using).filter(content_type__app_label="launcher")
    return {f"launcher.{row.codename}": row for row in rows}
