"""Who is warned, and when, that a secret runs out or a signing key is old."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from django.contrib.sites.models import Site
from django.db import connection
from django.test.utils import CaptureQueriesContext

from launcher import key_expiry, signing
from launcher.key_expiry import secret_words, severity_of, warnings
from launcher.models import EhrRegistration, SigningKey
from tests.launcher.conftest import MakeRegistration

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 24, 23, 30, tzinfo=UTC)
TODAY = NOW.date()


@pytest.mark.parametrize(
    ("days", "severity", "words"),
    [
        (31, None, "expires in 31 days"),
        (30, "notice", "expires in 30 days"),
        (15, "notice", "expires in 15 days"),
        (14, "warning", "expires in 14 days"),
        (4, "warning", "expires in 4 days"),
        (3, "urgent", "expires in 3 days"),
        (1, "urgent", "expires in 1 day"),
        (0, "urgent", "expires today"),
        (-1, "urgent", "expired 1 day ago"),
        (-40, "urgent", "expired 40 days ago"),
    ],
)
def test_a_secret_is_spoken_of_30_14_and_3_days_before_and_from_then_on(
    make_registration: MakeRegistration, days: int, severity: str | None, words: str
) -> None:
    make_registration(secret_expires_on=TODAY + timedelta(days=days))
    found = warnings(None, now=NOW)
    assert (severity_of(days), secret_words(days)) == (severity, words)
    assert [each.severity for each in found] == ([severity] if severity else [])
    assert all(words in each.text and "main" in each.text and each.days_left == days for each in found)


@pytest.mark.parametrize("method", ["none", "private_key_jwt"])
def test_who_sends_no_secret_and_who_is_off_is_passed_over(make_registration: MakeRegistration, method: str) -> None:
    row = make_registration(secret_expires_on=TODAY)
    assert len(warnings(None, now=NOW)) == 1
    EhrRegistration.objects.update(auth_method=method)
    assert warnings(None, now=NOW) == []
    EhrRegistration.objects.update(auth_method="auto", enabled=False)
    assert warnings(None, now=NOW) == [], row


def test_a_site_hears_of_its_own_secrets_and_the_most_urgent_first(make_registration: MakeRegistration) -> None:
    other = Site.objects.create(domain="second.test", name="Second hospital")
    make_registration(slug="calm", client_id="a", secret_expires_on=TODAY + timedelta(days=20))
    urgent = make_registration(slug="urgent", client_id="b", secret_expires_on=TODAY)
    theirs = make_registration(slug="theirs", client_id="c", site_id=other.pk, secret_expires_on=date(2026, 11, 20))
    assert [each.slug for each in warnings(1, now=NOW)] == ["urgent", "calm"]
    assert [each.slug for each in warnings(other.pk, now=NOW)] == ["theirs"]
    assert [each.registration_id for each in warnings(None, now=NOW)][:2] == [theirs.pk, urgent.pk]


def test_an_old_signing_key_is_to_be_replaced_and_one_that_signs_no_more_to_be_retired() -> None:
    key = signing.make_key("ES384")
    SigningKey.objects.update(created_at=NOW - timedelta(days=365))
    assert warnings(None, now=NOW) == []
    SigningKey.objects.update(created_at=NOW - timedelta(days=400), active_from=NOW - timedelta(days=400))
    (found,) = warnings(7, now=NOW)
    assert (found.kind, found.severity, found.kid, found.days_left) == ("signing-key", "warning", key.kid, -35)
    assert "new_signing_key --algorithm ES384" in found.hint
    new = signing.make_key("ES384")
    SigningKey.objects.filter(pk=new.pk).update(active_from=NOW - timedelta(days=1))
    (found,) = warnings(None, now=NOW)
    assert (found.severity, found.kid) == ("notice", key.kid)
    assert f"retire_signing_key {key.kid}" in found.hint
    signing.retire(key)
    assert warnings(None, now=NOW) == []


def test_many_secrets_cost_as_few_queries_and_end_somewhere(
    make_registration: MakeRegistration, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(6):
        make_registration(slug=f"ehr-{number}", client_id=f"client-{number}", secret_expires_on=TODAY)
    with CaptureQueriesContext(connection) as queries:
        assert len(warnings(None, now=NOW)) == 6
    assert len(queries) == 2
    monkeypatch.setattr(key_expiry, "AT_MOST", 4)
    assert len(warnings(None, now=NOW)) == 4
