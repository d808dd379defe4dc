"""In a frame of another site, with TLS, as EHRs really show it: with third-party cookies, without, and with none.

SMART App Launch 2.2 leaves open how an app keeps its session in a frame; `docs/contract.md`, section 8, rulings 5 to 7.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from tests.chromium import two_sites
from tests.chromium.conftest import ARGUMENTS, EXECUTABLE, environment, free_port, register, serving
from tests.chromium.visitor import CHART, R4, Visitor, banner, patient_of

if TYPE_CHECKING:
    from playwright.sync_api import Frame, Page, Playwright

pytestmark = pytest.mark.chromium

MARGUERITE = ("54520", "HOLLINGBROOK, Marguerite Ann (Mrs)")
AMBROSE = ("smart-1042", "KITTREDGE-VALE, Ambrose (Mr)")
_ALLOWED, _BLOCKED = 0, 1
"""Chromium's `cookie_controls_mode`."""
_BLOCK = 2
"""Chromium's content setting."""


@dataclass(frozen=True, slots=True)
class Sites:
    """The origins of the product, of the EHR that may frame it, and of a site that may not."""

    product: str
    ehr: str
    stranger: str

    def launch(self, patient: str) -> str:
        query = urlencode({"launch": patient, "iss": f"{self.product}/sandbox/{R4}/fhir"})
        return f"{self.product}/launch?{query}"

    def framed(self, *addresses: str, at: str = "") -> str:
        return f"{at or self.ehr}/frames?" + urlencode([("address", address) for address in addresses])


Profile = Callable[..., Visitor]


@pytest.fixture(scope="module")
def sites(driver: Playwright, pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sites]:
    """The product with an https address of its own, registered at an EHR whose pages may frame it."""
    data = tmp_path_factory.mktemp("with-tls")
    certificate = two_sites.make_certificate(data)
    behind = free_port()
    with two_sites.terminating(certificate, behind) as port, two_sites.other_sites(certificate) as other:
        found = Sites(
            f"https://127.0.0.1:{port}", f"https://{two_sites.EHR}:{other}", f"https://{two_sites.STRANGER}:{other}"
        )
        values = {
            **environment(data, behind),
            "SMARTPORTAL_BASE_URL": found.product,
            "SMARTPORTAL_CA_BUNDLE": str(certificate.authority),
        }
        with serving(values, root=pytestconfig.rootpath):
            register(R4, "--set", f"frame_ancestors={found.ehr}", values=values, root=pytestconfig.rootpath)
            yield found


@pytest.fixture
def profile(driver: Playwright, sites: Sites, tmp_path: Path) -> Iterator[Profile]:
    """Makes a browser profile with the settings its owner has chosen."""
    with ExitStack() as ends:

        def make(**settings: Any) -> Visitor:
            (tmp_path / "Default").mkdir()
            written = json.dumps({"profile": settings})
            (tmp_path / "Default" / "Preferences").write_text(written, encoding="utf-8")
            context = driver.chromium.launch_persistent_context(
                tmp_path,
                executable_path=EXECUTABLE,
                args=[*ARGUMENTS, *two_sites.ARGUMENTS],
                ignore_https_errors=True,
                base_url=sites.product,
                viewport={"width": 1280, "height": 800},
            )
            ends.callback(context.close)
            context.set_default_timeout(15_000)
            visitor = Visitor(context, sites.product)
            visitor.watch()
            return visitor

        yield make


def frames_of(page: Page) -> list[Frame]:
    return [frame for frame in page.frames if frame is not page.main_frame]


def charts_in(page: Page, *patients: str) -> list[Frame]:
    """The frames of a page once each shows the whole chart of its patient."""
    for index, patient in enumerate(patients):
        page.frame_locator("iframe").nth(index).locator(f"body[data-patient='{patient}'] footer").wait_for()
    return frames_of(page)


def control(visitor: Visitor, sites: Sites) -> str:
    """Which of the two control cookies, set in a frame by a third site, come back there."""
    page = visitor.page(sites.framed(f"{sites.stranger}/try"))
    found = page.frame_locator("iframe").locator("p")
    found.wait_for(state="attached")
    shown = found.inner_text()
    page.close()
    return shown


@pytest.mark.parametrize(
    ("mode", "came_back"), [(_ALLOWED, "partitioned plain"), (_BLOCKED, "partitioned")], ids=["allowed", "blocked"]
)
def test_in_another_sites_frame_the_launch_ends_in_the_chart_and_each_chart_stays_its_own(
    mode: int, came_back: str, profile: Profile, sites: Sites, pictures: Path
) -> None:
    visitor = profile(cookie_controls_mode=mode)
    assert control(visitor, sites) == came_back, "the browser is not set as this test needs it"
    people = (MARGUERITE, AMBROSE)
    page = visitor.page(sites.framed(*(sites.launch(patient) for patient, _ in people)))
    tab = visitor.page(sites.framed(sites.launch(AMBROSE[0])))
    first, second = charts_in(page, *(patient for patient, _ in people))
    (third,) = charts_in(tab, AMBROSE[0])
    for _ in range(3):
        for frame, (patient, name) in ((first, MARGUERITE), (second, AMBROSE), (third, AMBROSE)):
            frame.goto(frame.url)
            assert CHART.search(frame.url)
            assert (patient_of(frame), banner(frame)) == (patient, name)
    page.screenshot(path=pictures / f"other-site-{'blocked' if mode else 'allowed'}.png")
    assert visitor.violations() == []
    ours = [cookie for cookie in visitor.context.cookies() if "sp-" in cookie.get("name", "")]
    assert {str(cookie.get("name")).rpartition("-")[0] for cookie in ours} == {"__Host-sp", "__Secure-sp"}
    for cookie in ours:
        assert (cookie.get("secure"), cookie.get("httpOnly"), cookie.get("sameSite")) == (True, True, "None")
        assert cookie.get("partitionKey") == "https://ehr.example", cookie


def test_what_is_seen_in_one_sites_frame_opens_nowhere_else(profile: Profile, sites: Sites) -> None:
    visitor = profile(cookie_controls_mode=_ALLOWED)
    (framed,) = charts_in(visitor.page(sites.framed(sites.launch(MARGUERITE[0]))), MARGUERITE[0])
    alone = visitor.page(framed.url)
    assert alone.locator("main").get_attribute("data-error") == "session_ended"
    assert "HOLLINGBROOK" not in alone.content()


def test_a_site_that_is_not_named_cannot_frame_a_chart(profile: Profile, sites: Sites) -> None:
    visitor = profile(cookie_controls_mode=_ALLOWED)
    page = visitor.page()
    page.goto(sites.framed(sites.launch(MARGUERITE[0]), at=sites.stranger), wait_until="commit")
    with page.expect_event("console", lambda message: "frame-ancestors" in message.text):
        pass
    (frame,) = frames_of(page)
    assert "HOLLINGBROOK" not in frame.content()
    assert frame.locator("[data-testid=patient-banner]").count() == 0


@pytest.mark.parametrize("address", ["/", "/admin/login/"])
def test_pages_without_an_ehr_cannot_be_framed_by_anybody(address: str, profile: Profile, sites: Sites) -> None:
    visitor = profile(cookie_controls_mode=_ALLOWED)
    page = visitor.page()
    page.goto(sites.framed(sites.product + address), wait_until="commit")
    with page.expect_event("console", lambda message: "frame-ancestors" in message.text):
        pass
    assert frames_of(page)[0].locator("main, form").count() == 0


def test_where_the_frame_keeps_no_cookie_a_new_window_opens_the_chart(
    profile: Profile, sites: Sites, pictures: Path
) -> None:
    """The owner of this browser blocks every cookie below the EHR's pages, and none elsewhere."""
    exceptions = {f"127.0.0.1,{two_sites.EHR}": {"setting": _BLOCK}}
    visitor = profile(cookie_controls_mode=_BLOCKED, content_settings={"exceptions": {"cookies": exceptions}})
    page = visitor.page(sites.framed(sites.launch(MARGUERITE[0])))
    main = page.frame_locator("iframe").locator("main[data-error]")
    assert main.get_attribute("data-error") == "cookies_blocked"
    page.screenshot(path=pictures / "other-site-cookies-blocked.png")
    paths = [urlsplit(url).path for url in visitor.requests if urlsplit(url).netloc == urlsplit(sites.product).netloc]
    assert paths.count("/launch") == 2, "one bounce and no more"
    assert not [path for path in paths if path.endswith("/authorize")], "the launch is spent"
    button = main.get_by_role("link", name="Open in a new window")
    assert parse_qs(urlsplit(str(button.get_attribute("href"))).query)["launch"] == [MARGUERITE[0]]
    with visitor.context.expect_page() as opened:
        button.click()
    window = opened.value
    window.wait_for_url(CHART)
    assert (patient_of(window), banner(window)) == MARGUERITE
    assert window.evaluate("window.opener") is None
