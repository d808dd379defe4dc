"""A browser profile at the running site, its steps, and a watch for what must never happen in it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Dialog, Frame, Page

R4 = "smart-r4"
DSTU2 = "allscripts-professional"
CHART = re.compile(r"/chart/[0-9a-f]{32}/$")

_SEEN_FROM_INSIDE = """
document.addEventListener("securitypolicyviolation", function (event) {
  console.error("Content Security Policy: " + event.violatedDirective + " " + event.blockedURI);
});
"""


@dataclass
class Visitor:
    """One profile. Addresses are given as paths; `requests` and `errors` are kept for as long as it lives."""

    context: BrowserContext
    origin: str
    requests: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    dialogs: list[str] = field(default_factory=list)

    def watch(self) -> None:
        self.context.add_init_script(_SEEN_FROM_INSIDE)
        self.context.on("request", lambda request: self.requests.append(request.url))
        self.context.on(
            "console", lambda message: self.errors.append(message.text) if message.type == "error" else None
        )
        self.context.on("weberror", lambda error: self.errors.append(f"uncaught: {error.error}"))
        self.context.on("dialog", self._note_dialog)

    def _note_dialog(self, dialog: Dialog) -> None:
        self.dialogs.append(dialog.message)
        dialog.dismiss()

    def page(self, address: str = "") -> Page:
        page = self.context.new_page()
        if address:
            page.goto(address)
        return page

    def chart(self, ehr: str = DSTU2, patient: str = "54520", *, fault: str = "") -> Page:
        """A chart in a tab of its own, by the article's link or, with a fault, from the EHR's desktop."""
        page = self.page(self.faulty(ehr, patient, fault) if fault else self.link(ehr, patient))
        assert page.locator("body").get_attribute("data-page") == "chart", page.locator("body").inner_text()
        return page

    def link(self, ehr: str, patient: str) -> str:
        return "/launch.html?" + urlencode({"launch": patient, "iss": f"{self.origin}/sandbox/{ehr}/fhir"})

    def faulty(self, ehr: str, patient: str, fault: str) -> str:
        return f"/sandbox/{ehr}/open?" + urlencode({"patient": patient, "fault": fault})

    def foreign(self) -> list[str]:
        """Requests to any other origin than the site's."""
        own = urlsplit(self.origin)
        return [url for url in self.requests if urlsplit(url)[:2] != own[:2]]

    def violations(self) -> list[str]:
        return [text for text in self.errors if "Content Security Policy" in text]

    def forget(self) -> None:
        self.requests.clear()
        self.errors.clear()
        self.dialogs.clear()


@contextmanager
def visiting(chromium: Browser, origin: str, **options: Any) -> Iterator[Visitor]:
    """A fresh profile; after the visit nothing foreign was asked, nothing blocked, and nothing ran that should not."""
    context = chromium.new_context(base_url=origin, **{"viewport": {"width": 1280, "height": 800}, **options})
    context.set_default_timeout(10_000)
    visitor = Visitor(context, origin)
    visitor.watch()
    try:
        yield visitor
        assert visitor.foreign() == []
        assert visitor.violations() == []
        assert visitor.dialogs == []
        assert [text for text in visitor.errors if text.startswith("uncaught")] == []
    finally:
        context.close()


def patient_of(place: Page | Frame) -> str | None:
    return place.locator("body").get_attribute("data-patient")


def banner(place: Page | Frame, part: str = "name") -> str:
    return place.locator(f"[data-testid=patient-banner] [data-field={part}]").inner_text()


def state(place: Page | Frame, panel: str) -> str | None:
    return place.locator(f"section[data-panel={panel}]").get_attribute("data-state")
