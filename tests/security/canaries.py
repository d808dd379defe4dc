"""Invariant 2: what is secret, and what is a patient's, shows up nowhere that it does not belong."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any

from django.core import mail
from django.core.cache import cache as django_cache

from launcher.models import AuditEvent, EhrRegistration, Launch, LaunchTrace, PendingLaunch, SigningKey
from sandbox import population
from tests.security.pages import links
from tests.security.watching import Call, Visit, Watch

_SECRET_FIELDS = ("code", "code_verifier", "client_secret", "client_assertion", "refresh_token", "token")
_SHORTEST_SECRET = 13


def nothing_secret_is_shown(watch: Watch) -> None:
    """Secrets on no page, in no log, address, mail, cache or audit row; the patient on no page but the chart's."""
    secrets = _secrets(watch.calls)
    private = {*secrets, *_facts_about_patients()}
    for name, text in _places(watch):
        for value in private:
            assert value not in text, f"invariant 2: {_short(value)} is in {name}"
    for visit in watch.ours:
        hidden = private if visit.page.error else secrets
        for value in hidden:
            assert value not in visit.page.text, f"invariant 2: {_short(value)} is on {visit.path}"


def _short(value: str) -> str:
    return f"“{value[:6]}…” ({len(value)} characters)"


def _secrets(calls: Iterable[Call]) -> set[str]:
    found: set[str] = set()
    for call in calls:
        found |= {value for name in _SECRET_FIELDS for value in call.form.get(name, [])}
        found.add(call.authorization.partition(" ")[2])
        if call.method == "POST":
            found |= {str(call.body.get(name) or "") for name in ("access_token", "refresh_token", "id_token")}
    for row in EhrRegistration.objects.all():
        found.add(row.client_secret.reveal())
    for launch in Launch.objects.all():
        found |= {launch.access_token.reveal(), launch.refresh_token.reveal()}
    for pending in PendingLaunch.objects.all():
        found |= {pending.verifier.reveal(), pending.client_secret.reveal()}
    for key in SigningKey.objects.all():
        # The middle of a PEM: its first and last lines are those of every key.
        found |= set(key.private_pem.reveal().splitlines()[2:4])
    return {value for value in found if len(value) >= _SHORTEST_SECRET}


@cache
def _facts_about_patients() -> frozenset[str]:
    ids = " ".join(person.id for person in population.PATIENTS)
    facts = {fact for person in population.PATIENTS for fact in (person.display_name, person.born, person.mrn) if fact}
    # The audit trail may hold a patient's FHIR id.
    return frozenset(fact for fact in facts if len(fact) > 5 and fact not in ids)


def _places(watch: Watch) -> Iterator[tuple[str, str]]:
    yield "the log", watch.journal.text
    yield "an address that we asked", "\n".join(call.url for call in watch.calls if not call.is_revocation)
    yield "an address that we redirect to", "\n".join(_location(visit) for visit in watch.ours)
    yield "an address on our pages", "\n".join(link for visit in watch.ours for _, _, link in links(visit.page))
    yield "the audit trail", str(list(AuditEvent.objects.values()))
    yield "the launch history", str(list(LaunchTrace.objects.values()))
    yield "a mail", "\n".join(f"{each.subject}\n{each.body}" for each in getattr(mail, "outbox", []))
    yield "the cache", _cached()


def _location(visit: Visit) -> str:
    return str(visit.page.response.headers.get("Location", ""))


def _cached() -> str:
    """What the product keeps in the cache (the simulators keep their own things there)."""
    return "\n".join(f"{key} {value!r}" for key, value in _cache_entries() if ":sandbox-" not in key)


def _cache_entries() -> Iterable[tuple[str, object]]:
    """Every key with its raw value, from this process's own cache or from Redis."""
    held: Any = getattr(django_cache, "_cache", {})
    if isinstance(held, dict):
        return list(held.items())
    redis = held.get_client()
    return [(key.decode(), redis.get(key)) for key in redis.scan_iter()]
