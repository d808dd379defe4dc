"""One Chromium and one server of the product for all of these tests; both end with them, whatever happens.

The server is the one that `make run` starts, on a free port with data of its own. The tests see it through the browser
alone. Where Chromium or its driver is missing, every test is reported as skipped.
"""

from __future__ import annotations

import http.client
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.chromium.visitor import Visitor, visiting

try:
    from playwright.sync_api import sync_playwright
except ImportError:
    sync_playwright = None
try:
    from axe_playwright_python.sync_playwright import Axe
except ImportError:
    Axe = None

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Playwright

Visit = Callable[..., AbstractContextManager[Visitor]]
Violations = Callable[..., list[str]]

EXECUTABLE = shutil.which("chromium") or shutil.which("chromium-browser")
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
EPIC, ORACLE = "epic", "oracle-health"
WITH_A_PICKER = ("--scopes", "launch launch/patient openid fhirUser user/Patient.rs patient/*.rs")
"""A registration whose standalone launches may come back without a patient."""
_INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "TZ", "LD_LIBRARY_PATH")


@pytest.fixture(scope="package")
def driver() -> Iterator[Playwright]:
    """Ends with this package: while it runs, Django takes this thread for an asynchronous one and refuses queries."""
    if sync_playwright is None:
        pytest.skip("needs playwright (requirements-browser.txt)")
    if EXECUTABLE is None:
        pytest.skip("needs Chromium (Debian: apt install chromium)")
    with sync_playwright() as running:
        yield running


@pytest.fixture(scope="package")
def chromium(driver: Playwright) -> Iterator[Browser]:
    browser = driver.chromium.launch(executable_path=EXECUTABLE, args=[*ARGUMENTS])
    yield browser
    browser.close()


@pytest.fixture
def remembering(driver: Playwright, origin: str) -> Iterator[Visitor]:
    """A browser that keeps left pages for Back, as people's do; the driver switches that off unless told otherwise."""
    switched_off = ["--disable-back-forward-cache"]
    browser = driver.chromium.launch(executable_path=EXECUTABLE, args=[*ARGUMENTS], ignore_default_args=switched_off)
    with visiting(browser, origin) as visitor:
        yield visitor
    browser.close()


@pytest.fixture(scope="package")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the server of these tests keeps its keys, its database and the administrator's password."""
    return tmp_path_factory.mktemp("served")


@pytest.fixture(scope="package")
def origin(driver: Playwright, pytestconfig: pytest.Config, data: Path) -> Iterator[str]:
    """Where the server of these tests answers."""
    port = free_port()
    values = environment(data, port)
    with serving(values, root=pytestconfig.rootpath):
        register(EPIC, *WITH_A_PICKER, values=values, root=pytestconfig.rootpath)
        register(ORACLE, "--set", "authorize_method=post", values=values, root=pytestconfig.rootpath)
        yield f"http://127.0.0.1:{port}"


def register(slug: str, *options: str, values: dict[str, str], root: Path) -> None:
    """Change a registration of the server that runs with these environment variables."""
    command = [sys.executable, "manage.py", "register_ehr", slug, *options]
    done = subprocess.run(command, cwd=root, env=values, capture_output=True, text=True)  # noqa: S603  # our own
    assert done.returncode == 0, done.stderr


@contextmanager
def serving(values: dict[str, str], *, root: Path) -> Iterator[None]:
    """The server that `make run` starts, with these environment variables."""
    data = Path(values["SECRET_KEY_FILE"]).parent
    log = data / "server.log"
    with log.open("wb") as sink:
        server = subprocess.Popen(  # noqa: S603  # our own interpreter and module
            [sys.executable, "-m", "smartportal.development", str(data)],
            cwd=root,
            env=values,
            stdout=sink,
            stderr=subprocess.STDOUT,
        )
        try:
            _wait_for(server, int(values["PORT"]), log)
            yield
        finally:
            server.terminate()
            try:
                server.wait(timeout=5)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def environment(data: Path, port: int) -> dict[str, str]:
    """The values that the Makefile's `run` sets, and nothing that the tests have set for themselves."""
    return {
        **{name: os.environ[name] for name in _INHERITED if name in os.environ},
        "DJANGO_SETTINGS_MODULE": "smartportal.settings",
        "DEBUG": "on",
        "SMARTPORTAL_SANDBOX": "on",
        "PORT": str(port),
        "SMARTPORTAL_BASE_URL": f"http://127.0.0.1:{port}",
        "ALLOWED_HOSTS": "127.0.0.1,localhost",
        "SMARTPORTAL_ALLOWED_NETWORKS": "127.0.0.0/8",
        "CACHE_URL": "locmemcache://",
        "DATABASE_URL": f"sqlite:///{data}/smartportal.sqlite3",
        "SMARTPORTAL_PLUGINS": "",
        # Less than the idle limit, at which the page is cleared.
        "SMARTPORTAL_STALE_MINUTES": "5",
        "SECRET_KEY_FILE": f"{data}/secret_key",
        "SMARTPORTAL_FIELD_KEYS_FILE": f"{data}/field_keys",
    }


def _wait_for(server: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and server.poll() is None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            connection.request("GET", "/readyz")
            if connection.getresponse().status == 200:
                return
        except OSError:
            time.sleep(0.1)
        finally:
            connection.close()
    pytest.fail(f"the server did not start:\n{log.read_text(errors='replace')[-2000:]}")


@pytest.fixture(scope="package")
def visit(chromium: Browser, origin: str) -> Visit:
    """Makes a browser profile of its own: `with visit(java_script_enabled=False) as visitor:`."""

    def begin(**options: Any) -> AbstractContextManager[Visitor]:
        return visiting(chromium, origin, **options)

    return begin


@pytest.fixture
def visitor(visit: Visit) -> Iterator[Visitor]:
    with visit() as found:
        yield found


@pytest.fixture(scope="package")
def violations(driver: Playwright) -> Violations:
    """What axe finds on a page, one line each; `only` names the rules to run instead of all."""
    if Axe is None:
        pytest.skip("needs axe-playwright-python (requirements-browser.txt)")
    script = Axe().axe_script

    def find(page: Page, *, only: tuple[str, ...] = ()) -> list[str]:
        options = {
            "resultTypes": ["violations"],
            # axe would put the sheets that others import into a style element, which our policy forbids.
            "preload": False,
            # Asked for by WCAG 2.2 (2.5.8, AA); axe leaves it out unless told. The admin's links are Django's.
            "rules": {"target-size": {"enabled": "/admin/" not in page.url}},
            **({"runOnly": list(only)} if only else {}),
        }
        if not page.evaluate("'axe' in window"):
            page.evaluate(script)
        found = page.evaluate("options => axe.run(document, options)", options)["violations"]
        return [f"{rule['id']}: {[node['target'] for node in rule['nodes']]}" for rule in found]

    return find


@pytest.fixture(scope="package")
def pictures(request: pytest.FixtureRequest) -> Path:
    """Where the pictures of the pages go, for people to look at."""
    folder = request.config.rootpath / "test-results" / "screenshots"
    folder.mkdir(parents=True, exist_ok=True)
    return folder
