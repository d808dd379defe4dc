"""Is the process alive, and is everything it needs in order."""

from __future__ import annotations

import secrets

from django.core.cache import cache
from django.core.exceptions import ImproperlyConfigured
from django.db import DEFAULT_DB_ALIAS, connections
from django.db import Error as DatabaseError
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse

from launcher import conf


def livez(request: HttpRequest) -> HttpResponse:
    """The process answers. Touches neither database nor cache."""
    return HttpResponse("ok\n", content_type="text/plain", headers={"Cache-Control": "no-store"})


def readyz(request: HttpRequest) -> HttpResponse:
    """503 without database, migrations or keys; without the cache 200, with a word that it is degraded."""
    problems = [name for name, fine in (("database", _database()), ("keys", _keys())) if not fine]
    if "database" not in problems and not _migrated():
        problems.append("migrations")
    answer: dict[str, object] = {"ready": not problems}
    if problems:
        answer["missing"] = problems
    elif not _cache():
        answer["degraded"] = "cache"
    return JsonResponse(answer, status=503 if problems else 200, headers={"Cache-Control": "no-store"})


def _database() -> bool:
    try:
        with connections[DEFAULT_DB_ALIAS].cursor() as cursor:
            cursor.execute("SELECT 1")
            return cursor.fetchone() == (1,)
    except DatabaseError:
        return False


_known: dict[str, bool] = {}


def _migrated() -> bool:
    """Whether the schema is this version's. Once it is, it stays so for this process."""
    if not _known.get("migrated"):
        try:
            executor = MigrationExecutor(connections[DEFAULT_DB_ALIAS])
            _known["migrated"] = not executor.migration_plan(executor.loader.graph.leaf_nodes())
        except DatabaseError:
            return False
    return _known["migrated"]


def _keys() -> bool:
    try:
        return bool(conf.field_keys())
    except ImproperlyConfigured:
        return False


def _cache() -> bool:
    token = secrets.token_hex(8)
    cache.set("readyz", token, 10)
    return cache.get("readyz") == token
