"""The settings of the test suite: the product's own, with values of the tests' own instead of an environment."""

import base64
import os


def _cache_of_this_process(url: str) -> str:
    """Test processes side by side empty their caches: each gets a Redis database of its own, counted down from 15."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "gw0")
    return url.removesuffix("/15") + f"/{15 - int(worker.removeprefix('gw'))}" if url.endswith("/15") else url


os.environ.update(
    {
        "SECRET_KEY": "only-for-tests-" + "0123456789abcdef" * 4,
        "DEBUG": "off",
        "SMARTPORTAL_SANDBOX": "on",
        "ALLOWED_HOSTS": "testserver,second.test",
        "SMARTPORTAL_BASE_URL": "https://testserver",
        "SMARTPORTAL_FIELD_KEYS": base64.urlsafe_b64encode(bytes(range(32))).decode(),
        "SMARTPORTAL_ALLOWED_NETWORKS": "127.0.0.0/8",
        "DATABASE_URL": os.environ.get("SMARTPORTAL_TEST_DATABASE_URL", "sqlite://:memory:"),
        "CACHE_URL": _cache_of_this_process(os.environ.get("SMARTPORTAL_TEST_CACHE_URL", "locmemcache://")),
    }
)

from smartportal.settings import *  # noqa: E402, F403  # it reads what is set above

# The suite plays the EHRs with DEBUG off, as a server runs; the start would refuse that.
SILENCED_SYSTEM_CHECKS = ["smartportal.E006"]
