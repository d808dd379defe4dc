"""Checks 1 to 8 against servers whose name, port, TLS, speed or clock is really like that."""

from __future__ import annotations

import email.utils
import socket
import ssl
import time
from collections.abc import Callable

import pytest

from launcher.smart import guard
from tests.launcher.probe.certificates import limited_to, new_authority
from tests.launcher.probe.scene import Case, Scene, as_json, healthy, prove
from tests.smart.misbehaving import Visit, plain


def issuer(address: str, **values: str) -> Callable[[Scene], None]:
    return lambda scene: scene.values.update(iss=address, **values)


def unresolved(scene: Scene) -> None:
    def fails(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "no such name")

    scene.monkeypatch.setattr(socket, "getaddrinfo", fails)
    scene.values["iss"] = "https://retired.test/fhir"


def resolved(scene: Scene) -> None:
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 0))]
    scene.monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    scene.values["iss"] = scene.ehr.server.url("/fhir", host="ehr.test")


def outside_the_networks(scene: Scene) -> None:
    scene.settings.SMARTPORTAL_ALLOWED_NETWORKS = []


def nobody_listens(scene: Scene) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        scene.values["iss"] = f"https://127.0.0.1:{listener.getsockname()[1]}/fhir"


def firewall_drops(scene: Scene) -> None:
    """A listener whose queue is full lets nobody in and says nothing."""
    scene.monkeypatch.setattr(guard, "CONNECT_SECONDS", 0.2)
    listener = scene.stack.enter_context(socket.socket())
    listener.bind(("127.0.0.1", 0))
    listener.listen(0)
    for _ in range(3):
        waiting = scene.stack.enter_context(socket.socket())
        waiting.setblocking(False)
        waiting.connect_ex(listener.getsockname())
    scene.values["iss"] = f"https://127.0.0.1:{listener.getsockname()[1]}/fhir"


def certificate(*, address: str = "127.0.0.1", begins: int = -1, ends: int = 90) -> Callable[[Scene], None]:
    def arrange(scene: Scene) -> None:
        scene.move_to(scene.ehr, tls=scene.authority.issue("other", address=address, begins=begins, ends=ends))

    return arrange


def unknown_authority(scene: Scene) -> None:
    folder = scene.authority.folder / "stranger"
    folder.mkdir(exist_ok=True)
    scene.move_to(scene.ehr, tls=new_authority(folder).issue("stranger"))


def no_bundle(scene: Scene) -> None:
    scene.settings.SMARTPORTAL_CA_BUNDLE = str(scene.authority.folder / "missing.pem")


def speaks(version: ssl.TLSVersion) -> Callable[[Scene], None]:
    return lambda scene: scene.move_to(scene.ehr, tls=limited_to(version, scene.authority.issue("versioned")))


def without_tls(scene: Scene) -> None:
    scene.move_to(scene.ehr, tls=None, scheme="http")


def plain_http_on_that_port(scene: Scene) -> None:
    scene.move_to(lambda visit: visit.send(plain(status="400 Bad Request")), tls=None)


def hangs_up_at_hello(scene: Scene) -> None:
    def handler(visit: Visit) -> None:
        visit.sock.recv(65536)

    scene.move_to(handler, tls=None)


def slowly(**limits: float) -> Callable[[Scene], None]:
    def arrange(scene: Scene) -> None:
        body = as_json(scene.ehr.statement())

        def page(visit: Visit, asked: bytes) -> bytes:
            visit.closing.wait(0.03)
            return body

        scene.pages["/fhir/metadata"] = page
        scene.limit(**limits)

    return arrange


def clock(seconds: float | None) -> Callable[[Scene], None]:
    def arrange(scene: Scene) -> None:
        date = () if seconds is None else (f"Date: {email.utils.formatdate(time.time() + seconds, usegmt=True)}",)
        scene.pages["/fhir/metadata"] = as_json(scene.ehr.statement(), headers=date)

    return arrange


def silent(scene: Scene) -> None:
    def handler(visit: Visit) -> None:
        visit.request()

    scene.move_to(handler, tls=scene.authority.issue("silent"))


CASES = [
    Case(1, "pass", "https", healthy),
    Case(1, "warn", "http in the allowed networks", without_tls, "Issuer (iss)"),
    Case(1, "fail", "http in production", issuer("http://ehr.test/fhir", environment="production"), "https"),
    Case(1, "fail", "a query", issuer("https://ehr.test/fhir?x=1"), "Issuer (iss): remove"),
    Case(1, "fail", "the metadata address", issuer("https://ehr.test/fhir/metadata"), "before /metadata"),
    Case(1, "fail", "no web address", issuer("ftp://ehr.test"), "Issuer (iss)"),
    Case(2, "pass", "a name", resolved),
    Case(2, "fail", "no such name", unresolved, "Issuer (iss): check the spelling"),
    Case(3, "pass", "allowed", healthy),
    Case(3, "fail", "not allowed", outside_the_networks, "SMARTPORTAL_ALLOWED_NETWORKS"),
    Case(4, "pass", "somebody listens", healthy),
    Case(4, "fail", "nobody listens", nobody_listens, "Firewall"),
    Case(4, "fail", "a firewall drops", firewall_drops, "Firewall"),
    Case(5, "pass", "trusted", healthy),
    Case(5, "warn", "ends soon", certificate(ends=20), "Certificate: tell the vendor"),
    Case(5, "fail", "ended", certificate(begins=-30, ends=-1), "renew"),
    Case(5, "fail", "not yet valid", certificate(begins=2), "Clock"),
    Case(5, "fail", "another name", certificate(address="127.0.0.2"), "Issuer (iss)"),
    Case(5, "fail", "an unknown authority", unknown_authority, "SMARTPORTAL_CA_BUNDLE: add"),
    Case(5, "fail", "no bundle", no_bundle, "SMARTPORTAL_CA_BUNDLE: name"),
    Case(5, "info", "no TLS", without_tls),
    Case(6, "pass", "TLS 1.2", speaks(ssl.TLSVersion.TLSv1_2)),
    Case(6, "pass", "TLS 1.3", speaks(ssl.TLSVersion.TLSv1_3)),
    Case(6, "fail", "TLS 1.1", speaks(ssl.TLSVersion.TLSv1_1), "TLS version"),
    Case(6, "fail", "TLS 1.0", speaks(ssl.TLSVersion.TLSv1), "TLS version"),
    Case(6, "fail", "http on that port", plain_http_on_that_port, "Issuer (iss): check the port"),
    Case(6, "fail", "it hangs up", hangs_up_at_hello, "TLS: ask the vendor"),
    Case(6, "info", "no TLS", without_tls),
    Case(7, "pass", "fast", healthy),
    Case(7, "warn", "slow", slowly(slow=0.02), "Speed"),
    Case(7, "fail", "too slow", slowly(slow=0.01, too_slow=0.02), "Speed"),
    Case(7, "skipped", "no answer", silent),
    Case(8, "pass", "the same time", clock(0)),
    Case(8, "pass", "half a minute", clock(-30)),
    Case(8, "fail", "two minutes behind", clock(-120), "Clock: fix NTP"),
    Case(8, "fail", "two minutes ahead", clock(120), "Clock: fix NTP"),
    Case(8, "info", "no date", clock(None)),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_way_to_the_ehr_is_judged_by_what_happens_on_it(case: Case, scene: Scene) -> None:
    prove(case, scene)


def test_the_end_of_a_certificate_is_named_as_a_date(scene: Scene) -> None:
    certificate(ends=20)(scene)
    result = scene.results(5)[5]
    assert "ends in 20 days" in result.evidence
    assert result.remedy.split()[-1].count("-") == 2
