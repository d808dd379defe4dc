"""The audit trail: events follow each other, and a change, a gap or a cut tail is named."""

from __future__ import annotations

import threading

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, connections

from launcher import audit
from launcher.models import AuditEvent


def some_events(number: int, launch: str = "a" * 32) -> list[AuditEvent]:
    return [audit.write("patient.read", audit.Subject(launch=launch, patient="p-1")) for _ in range(number)]


@pytest.mark.django_db
def test_an_untouched_trail_holds() -> None:
    some_events(3)
    some_events(2, launch="b" * 32)
    assert list(audit.verify()) == []
    call_command("verify_audit")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("tampering", "problem"),
    [
        ("UPDATE launcher_auditevent SET patient = 'p-2' WHERE id = %s", "was changed"),
        ("UPDATE launcher_auditevent SET detail = '{\"x\": 1}' WHERE id = %s", "was changed"),
        ("DELETE FROM launcher_auditevent WHERE id = %s", "missing"),
    ],
)
def test_tampering_in_the_middle_is_named(tampering: str, problem: str) -> None:
    middle = some_events(3)[1]
    with connection.cursor() as cursor:
        cursor.execute(tampering, [middle.pk])
    breaches = list(audit.verify())
    assert any(problem in breach.problem and breach.sequence == 2 for breach in breaches)
    with pytest.raises(CommandError):
        call_command("verify_audit")


@pytest.mark.django_db
def test_a_cut_tail_is_named() -> None:
    last = some_events(3)[-1]
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM launcher_auditevent WHERE id = %s", [last.pk])
    assert [breach.problem for breach in audit.verify()] == ["the end of the chain is missing"]


@pytest.mark.services
@pytest.mark.django_db(transaction=True)
def test_events_written_at_the_same_moment_form_one_chain() -> None:
    def write() -> None:
        try:
            some_events(10)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=write) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert AuditEvent.objects.count() == 60
    assert list(audit.verify()) == []
