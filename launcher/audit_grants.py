"""On PostgreSQL: what the role may do that the product runs as. Audit events it may add and read, and nothing else.

A second role owns the tables and migrates them; `docs/audit.md` says how the two are made.
"""

from __future__ import annotations

from django.db import connection

from launcher.models import AuditChain, AuditEvent

EVENTS, HEADS = AuditEvent._meta.db_table, AuditChain._meta.db_table
_CHANGING = ("UPDATE", "DELETE", "TRUNCATE")


class UnfitRole(Exception):
    """Why a role cannot be the one that the product runs as, in one sentence."""


def statements(role: str) -> tuple[str, ...]:
    """What the owner of the tables has to say, in order; the same again changes nothing."""
    app = connection.ops.quote_name(role)
    return (
        f"GRANT USAGE ON SCHEMA public TO {app}",
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {app}",
        f"GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {app}",
        f"ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {app}",
        f"ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE, SELECT ON SEQUENCES TO {app}",
        f"REVOKE ALL ON {EVENTS} FROM PUBLIC, {app}",
        f"GRANT SELECT, INSERT ON {EVENTS} TO {app}",
        f"REVOKE DELETE, TRUNCATE ON {HEADS} FROM PUBLIC, {app}",
        f"REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON django_migrations FROM PUBLIC, {app}",
    )


def grant(role: str) -> None:
    """Run them. Raises UnfitRole, and django.db.Error where the role in use is not the owner."""
    _refuse_unfit(role)
    with connection.cursor() as cursor:
        for statement in statements(role):
            cursor.execute(statement)


def _refuse_unfit(role: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT rolsuper FROM pg_roles WHERE rolname = %s", [role])
        found = cursor.fetchone()
        if found is None:
            raise UnfitRole(f"There is no role {role}; make it with CREATE ROLE first.")
        if found[0]:
            raise UnfitRole(f"The role {role} is a superuser: nothing can be kept from it. Make another one.")
        cursor.execute(
            "SELECT pg_has_role(%s, tableowner, 'MEMBER') FROM pg_tables WHERE tablename = %s", [role, EVENTS]
        )
        if any(owns for (owns,) in cursor.fetchall()):
            raise UnfitRole(f"The role {role} owns the tables, or may act for their owner. Make another one.")


def may_change_events() -> bool:
    """Whether the role in use could change or remove events: on PostgreSQL after `grant` it cannot."""
    if connection.vendor != "postgresql":
        return True
    with connection.cursor() as cursor:
        cursor.execute("SELECT has_table_privilege(%s, %s)", [EVENTS, ", ".join(_CHANGING)])
        return bool(cursor.fetchone()[0])
