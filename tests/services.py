"""A second pass on PostgreSQL and Redis for tests marked `services`; with REQUIRE_ALL=1 a skipped test is a failure.

The first pass runs on SQLite and local memory. When it is over and both services are there (TEST_POSTGRES_URL and
TEST_REDIS_URL, or their standard loopback ports), the marked tests run in a process of their own on them.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterable

import pytest

IN_SECOND_PASS = "SMARTPORTAL_TEST_DATABASE_URL" in os.environ
_POSTGRES, _REDIS = "postgres://root@127.0.0.1:5432/test", "redis://127.0.0.1:6379/15"


def _listens(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=0.5):
            return True
    except OSError:
        return False


def found_services() -> dict[str, str] | None:
    """The environment of the second pass, or None when a service is missing."""
    postgres = os.environ.get("TEST_POSTGRES_URL") or (_POSTGRES if _listens(5432) else "")
    redis = os.environ.get("TEST_REDIS_URL") or (_REDIS if _listens(6379) else "")
    if not postgres or not redis:
        return None
    return {"SMARTPORTAL_TEST_DATABASE_URL": postgres, "SMARTPORTAL_TEST_CACHE_URL": redis}


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "services: needs PostgreSQL and Redis; runs in the second pass")
    config.addinivalue_line("markers", "chromium: needs a real Chromium")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """First pass: leave the marked tests to the second one, or skip them by name when there can be none."""
    for item in items:
        if item.get_closest_marker("chromium"):
            # One browser and one server for all of them: side by side they would only wait for each other.
            item.add_marker(pytest.mark.xdist_group("chromium"))
    if IN_SECOND_PASS:
        return
    marked = [item for item in items if item.get_closest_marker("services")]
    if not marked:
        return
    if found_services() is None:
        reason = "needs PostgreSQL and Redis (TEST_POSTGRES_URL, TEST_REDIS_URL)"
        for item in marked:
            item.add_marker(pytest.mark.skip(reason=reason))
        return
    config.stash[_MARKED] = [item.nodeid for item in marked]
    items[:] = [item for item in items if item not in set(marked)]
    config.hook.pytest_deselected(items=marked)


_MARKED = pytest.StashKey[list[str]]()


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    if hasattr(session.config, "workerinput"):
        return
    marked = session.config.stash.get(_MARKED, [])
    if not marked and _is_whole_and_parallel(session.config) and found_services() is not None:
        # Each process has left the marked ones out for itself, and none has told.
        marked = ["-m", "services"]
    if marked:
        session.exitstatus = max(int(session.exitstatus), _second_pass(marked))
        if session.exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED:
            session.exitstatus = pytest.ExitCode.OK
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    skipped = reporter.stats.get("skipped", []) if reporter else []
    if skipped and os.environ.get("REQUIRE_ALL") == "1":
        sys.stderr.write(f"\nREQUIRE_ALL=1: {len(skipped)} skipped tests count as failed.\n")
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def _is_whole_and_parallel(config: pytest.Config) -> bool:
    """Whether this process hands the tests to others, and all of them."""
    chosen = config.option
    return bool(getattr(chosen, "numprocesses", None)) and not (
        IN_SECOND_PASS or chosen.keyword or chosen.markexpr or chosen.file_or_dir
    )


def _second_pass(nodes: Iterable[str]) -> int:
    sys.stdout.write("\n\nSecond pass: PostgreSQL and Redis\n")
    sys.stdout.flush()
    environment = {**os.environ, **(found_services() or {})}
    command = [sys.executable, "-m", "pytest", "-q", "--no-header", "--create-db", *nodes]
    return subprocess.run(command, env=environment, check=False).returncode  # noqa: S603  # our own interpreter and tests
