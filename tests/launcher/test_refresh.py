"""Who refreshes, who waits, what is kept and what ends; and telling the EHR about tokens."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError
from django.utils import timezone

from launcher import audit, refresh, revocation
from launcher.models import AuditEvent, EhrRegistration, Launch
from launcher.refresh import common_scope, renewed_tokens, usable_tokens
from launcher.smart import token as smart_token
from launcher.smart.configuration import SmartConfiguration
from launcher.smart.errors import SmartError
from launcher.smart.registration import ClientRegistration
from launcher.smart.secret import Secret
from launcher.smart.token import TokenResponse
from tests.smart.fake_door import FakeDoor, Reply, reply, unreachable

pytestmark = pytest.mark.django_db
BASE = "https://ehr.example.org"
CONFIG = SmartConfiguration(
    authorization_endpoint=f"{BASE}/authorize",
    token_endpoint=f"{BASE}/token",
    revocation_endpoint=f"{BASE}/revoke",
    introspection_endpoint=f"{BASE}/introspect",
)
NEW = TokenResponse(access_token=Secret("access-1"), refresh_token=Secret("refresh-1"), expires_in=600)
Ehr = Callable[..., TokenResponse]


@pytest.fixture
def launch(registration: EhrRegistration) -> Launch:
    """One whose token has another half minute."""
    now = timezone.now()
    return Launch.objects.create(
        site=registration.site,
        registration=registration,
        reference="ABC234",
        created_at=now,
        last_seen_at=now,
        iss=registration.iss,
        fhir_version="R4",
        configuration=CONFIG.to_json(),
        patient="54520",
        requested_scopes="launch patient/*.rs",
        access_token="access-0",
        refresh_token="refresh-0",
        token_expires_at=now + timedelta(seconds=30),
    )


@pytest.fixture
def ehr(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """An EHR that answers with NEW; what it is sent is noted."""
    sent: list[str] = []
    answering(monkeypatch, sent, lambda: NEW)
    yield sent
    assert revocation.drain()


def answering(monkeypatch: pytest.MonkeyPatch, sent: list[str], answer: Callable[[], TokenResponse]) -> None:
    def ask(*args: object, refresh_token: Secret) -> TokenResponse:
        sent.append(refresh_token.reveal())
        return answer()

    monkeypatch.setattr(smart_token, "refresh", ask)


def failing(monkeypatch: pytest.MonkeyPatch, sent: list[str], code: Any, reason: str = "", **context: int) -> None:
    def fail() -> TokenResponse:
        raise SmartError(code, "no", reason=reason, context=context)

    answering(monkeypatch, sent, fail)


def row() -> Launch:
    return Launch.objects.select_related("registration__site", "person").get()


def ended(reason: str) -> None:
    found = row()
    assert (found.end_reason, bool(found.access_token), bool(found.refresh_token)) == (reason, False, False)
    assert found.ended_at is not None


def test_a_refresh_is_stored_and_counted(launch: Launch, ehr: list[str]) -> None:
    tokens = usable_tokens(row())
    assert (tokens.access_token, tokens.version) == (Secret("access-1"), 1)
    found = row()
    assert (found.access_token, found.refresh_token) == (Secret("access-1"), Secret("refresh-1"))
    assert (found.token_version, found.refresh_lease_until) == (1, None)
    assert ehr == ["refresh-0"]
    assert AuditEvent.objects.get().event == "token.refreshed"


@pytest.mark.parametrize("ends", [None, timedelta(seconds=70)])
def test_nothing_is_refreshed_before_its_time(ends: timedelta | None, launch: Launch, ehr: list[str]) -> None:
    Launch.objects.update(token_expires_at=timezone.now() + ends if ends else None)
    assert usable_tokens(row()).access_token == Secret("access-0")
    assert ehr == []


def test_a_reader_of_the_old_row_gets_the_new_pair_without_asking(launch: Launch, ehr: list[str]) -> None:
    late = row()
    usable_tokens(row())
    assert usable_tokens(late).access_token == Secret("access-1")
    assert ehr == ["refresh-0"]


def test_whoever_comes_second_waits_and_uses_the_result(
    launch: Launch, ehr: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting = row()
    Launch.objects.update(refresh_lease_until=timezone.now() + refresh.LEASE)

    def meanwhile(seconds: float) -> None:
        held = row()
        held.access_token, held.token_version, held.refresh_lease_until = "of-another", 1, None
        held.save()

    monkeypatch.setattr(refresh.time, "sleep", meanwhile)
    assert usable_tokens(waiting).access_token == Secret("of-another")
    assert ehr == []


@pytest.mark.parametrize(("left", "usable"), [(30, True), (-1, False)])
def test_waiting_has_an_end(
    left: int, usable: bool, launch: Launch, ehr: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refresh, "WAIT_SECONDS", 0.05)
    Launch.objects.update(
        refresh_lease_until=timezone.now() + refresh.LEASE, token_expires_at=timezone.now() + timedelta(seconds=left)
    )
    if usable:
        assert usable_tokens(row()).access_token == Secret("access-0")
    else:
        with pytest.raises(SmartError) as caught:
            usable_tokens(row())
        assert (caught.value.code, caught.value.reason) == ("ehr_unreachable", "timeout")
    assert (row().ended_at, ehr) == (None, [])


def test_a_refresh_that_nobody_finished_ends_the_launch(launch: Launch, ehr: list[str]) -> None:
    Launch.objects.update(refresh_lease_until=timezone.now() - timedelta(seconds=1))
    with pytest.raises(SmartError) as caught:
        usable_tokens(row())
    assert caught.value.code == "session_ended"
    ended("refresh-unknown")
    assert ehr == [], "the token may have been used"


def test_a_launch_that_ended_meanwhile_is_ended(launch: Launch, ehr: list[str]) -> None:
    late = row()
    revocation.end_launches(launch.pk, reason="signed-out")
    with pytest.raises(SmartError) as caught:
        usable_tokens(late)
    assert (caught.value.code, caught.value.reason, ehr) == ("session_ended", "signed-out", [])


@pytest.mark.parametrize(
    ("code", "reason", "status"),
    [("ehr_unreachable", "dns", 0), ("ehr_unreachable", "refused", 0), ("ehr_busy", "busy", 429)],
)
@pytest.mark.parametrize("over", [False, True])
def test_what_the_ehr_has_surely_not_taken_is_kept(
    over: bool,
    code: str,
    reason: str,
    status: int,
    launch: Launch,
    ehr: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    failing(monkeypatch, ehr, code, reason, status=status)
    if over:
        Launch.objects.update(token_expires_at=timezone.now() - timedelta(seconds=1))
        with pytest.raises(SmartError) as caught:
            usable_tokens(row())
        assert caught.value.code == code
    else:
        assert usable_tokens(row()).access_token == Secret("access-0")
    found = row()
    assert (found.ended_at, found.refresh_lease_until, found.refresh_token) == (None, None, Secret("refresh-0"))
    assert AuditEvent.objects.get().event == "token.refresh_failed"
    answering(monkeypatch, ehr, lambda: NEW)
    assert usable_tokens(row()).access_token == Secret("access-1")


@pytest.mark.parametrize(
    ("code", "reason", "end"),
    [
        ("session_ended", "invalid_grant", "refresh-refused"),
        ("client_rejected", "invalid_client", "refresh-refused"),
        ("token_unreadable", "not_json", "refresh-unknown"),
        ("ehr_unreachable", "timeout", "refresh-unknown"),
        ("ehr_unreachable", "broken", "refresh-unknown"),
        ("ehr_unreachable", "tls", "refresh-unknown"),
    ],
)
def test_everything_else_ends_the_launch(
    code: str, reason: str, end: str, launch: Launch, ehr: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    failing(monkeypatch, ehr, code, reason)
    for _ in range(2):
        with pytest.raises(SmartError) as caught:
            usable_tokens(launch if row().ended_at else row())
        assert caught.value.code == "session_ended"
    ended(end)
    assert ehr == ["refresh-0"]


@pytest.mark.parametrize("how", ["ended", "unwritable"])
def test_a_pair_that_cannot_be_stored_is_revoked_and_never_used(
    how: str, launch: Launch, ehr: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    revoked: list[str] = []
    monkeypatch.setattr(smart_token, "revoke", lambda *args, token, hint: revoked.append(token.reveal()))

    def answer() -> TokenResponse:
        if how == "ended":
            Launch.objects.update(ended_at=timezone.now(), end_reason="idle", access_token="", refresh_token="")
        return NEW

    def broken(*args: object) -> None:
        raise OperationalError("gone")

    answering(monkeypatch, ehr, answer)
    if how == "unwritable":
        monkeypatch.setattr(audit, "write", broken)
    with pytest.raises(SmartError if how == "ended" else OperationalError):
        usable_tokens(row())
    assert revocation.drain()
    assert revoked == ["refresh-1", "access-1"]
    found = row()
    assert found.token_version == 0
    assert "access-1" not in found.access_token.reveal()


def test_a_refused_token_is_renewed_whatever_its_time(launch: Launch, ehr: list[str]) -> None:
    Launch.objects.update(token_expires_at=None)
    renewed = renewed_tokens(row(), refused_version=0)
    assert renewed is not None
    assert renewed.version == 1
    again = renewed_tokens(row(), refused_version=0)
    assert again == renewed, "somebody has renewed it already"
    assert ehr == ["refresh-0"]


def test_without_a_refresh_token_there_is_nothing_newer(launch: Launch, ehr: list[str]) -> None:
    Launch.objects.update(refresh_token="")
    assert renewed_tokens(row(), refused_version=0) is None


def test_the_secret_of_the_registration_is_used(
    launch: Launch, ehr: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    secrets: list[str] = []

    def ask(door: object, client: ClientRegistration, *args: object, **kwargs: object) -> TokenResponse:
        secrets.append(client.client_secret.reveal())
        return NEW

    monkeypatch.setattr(smart_token, "refresh", ask)
    registration = launch.registration
    registration.client_secret = "new-secret"
    registration.save()
    usable_tokens(row())
    assert secrets == ["new-secret"]


@pytest.mark.parametrize(
    ("before", "now", "common"),
    [
        ("launch patient/*.rs", "launch patient/*.rs", "launch patient/*.rs"),
        ("launch patient/*.rs", "launch patient/Condition.read", "launch patient/Condition.read"),
        ("patient/Condition.rs", "patient/*.cruds offline_access", "patient/Condition.rs"),
        ("patient/A.rs patient/B.rs", "patient/B.rs patient/C.rs", "patient/B.rs"),
        ("patient/Observation.rs", "patient/Observation.rs?category=labs", "patient/Observation.rs?category=labs"),
        ("user/*.rs", "patient/Condition.rs", "patient/Condition.rs"),
        ("patient/Condition.rs", "user/Condition.rs", "patient/Condition.rs"),
        ("launch openid", "", ""),
    ],
)
def test_a_refresh_takes_scopes_away_and_adds_none(before: str, now: str, common: str) -> None:
    assert common_scope(before, now) == common


# --- The end, and telling the EHR ------------------------------------------------------------------------------


def test_what_cannot_be_decrypted_ends_all_the_same(launch: Launch, settings: Any) -> None:
    settings.SMARTPORTAL_FIELD_KEYS = ["AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"]
    assert revocation.end_launches(launch.pk, reason="signed-out") == 1
    ended("signed-out")


def test_ending_twice_counts_once(launch: Launch) -> None:
    assert revocation.end_launches(launch.pk, reason="signed-out") == 1
    assert revocation.end_launches(launch.pk, reason="idle") == 0
    ended("signed-out")


def told(answer: Reply, at: str) -> FakeDoor:
    return FakeDoor(client(), {f"{BASE}/{at}": answer})


def client() -> ClientRegistration:
    return ClientRegistration(
        iss=f"{BASE}/fhir", client_id="app", redirect_uri="", scopes="", client_secret=Secret("secret")
    )


def test_a_revocation_names_the_token_and_who_asks() -> None:
    door = told(reply(), "revoke")
    smart_token.revoke(door, client(), CONFIG, token=Secret("r"), hint="refresh_token")
    assert door.calls[0].form == [("token", "r"), ("token_type_hint", "refresh_token")]
    assert door.calls[0].authorization.partition(" ")[0] == "Basic"


@pytest.mark.parametrize("answer", [reply(status=400), reply(status=503), unreachable()])
def test_a_revocation_that_fails_says_so(answer: Reply) -> None:
    with pytest.raises(SmartError):
        smart_token.revoke(told(answer, "revoke"), client(), CONFIG, token=Secret("r"), hint="access_token")


def test_an_ehr_without_an_endpoint_is_not_asked_to_revoke() -> None:
    door = FakeDoor(client())
    config = SmartConfiguration(authorization_endpoint="", token_endpoint="")
    smart_token.revoke(door, client(), config, token=Secret("r"), hint="access_token")
    assert door.calls == []


def test_introspection_is_read() -> None:
    said = {"active": True, "scope": "launch", "client_id": "app", "exp": 1_800_000_000, "patient": "54520", "sub": "p"}
    found = smart_token.introspect(told(reply(said), "introspect"), client(), CONFIG, token=Secret("t"))
    assert (found.active, found.scope, found.client_id) == (True, "launch", "app")
    assert (found.expires_at, found.patient, found.subject) == (1_800_000_000, "54520", "p")


@pytest.mark.parametrize("said", [{"active": False}, {"active": False, "patient": "54520"}])
def test_of_an_inactive_token_nothing_is_known(said: dict[str, Any]) -> None:
    found = smart_token.introspect(told(reply(said), "introspect"), client(), CONFIG, token=Secret("t"))
    assert (found.active, found.patient) == (False, "")


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (reply({}), "active"),
        (reply({"active": "true"}), "active"),
        (reply({"active": True, "patient": "../1"}), "patient"),
        (reply("<html>", kind="text/html"), "not_json"),
        (reply({"active": True}, status=500), "status"),
    ],
)
def test_an_introspection_that_settles_nothing_is_refused(answer: Reply, reason: str) -> None:
    with pytest.raises(SmartError) as caught:
        smart_token.introspect(told(answer, "introspect"), client(), CONFIG, token=Secret("t"))
    assert (caught.value.code, caught.value.reason) == ("token_unreadable", reason)
