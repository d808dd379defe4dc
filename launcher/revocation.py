"""The end of a launch: tokens are erased here first, and the EHR is told afterwards, by threads nobody waits for."""

from __future__ import annotations

import logging
import os
import queue
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.db import transaction
from django.db.models import QuerySet
from django.db.models.signals import post_save
from django.utils import timezone

from launcher import audit, tracing
from launcher.discovery import door_for
from launcher.models import EhrRegistration, Launch
from launcher.smart import token as smart_token
from launcher.smart.configuration import SmartConfiguration
from launcher.smart.errors import SmartError
from launcher.smart.registration import ClientRegistration
from launcher.smart.secret import Secret
from launcher.smart.token import TokenHint

NOT_REVOKED = frozenset(
    {
        "token-expired",
        "token-refused",
        "refresh-refused",
        "refresh-unknown",
        "patient-changed",
        "person-changed",
        "identity-invalid",
    }
)
"""Ends that are the EHR's own word: it has dropped these tokens, or its answers are not to be trusted any more."""

THREADS = 4
_WAITING_MOST = 2000

logger = logging.getLogger("smartportal.session")


@dataclass(frozen=True, slots=True, kw_only=True)
class Revocation:
    """What a thread needs to revoke one launch's tokens; no row, so that it has no reason to ask the database."""

    name: str
    client: ClientRegistration
    config: SmartConfiguration
    access_token: Secret
    refresh_token: Secret
    correlation_id: str = ""

    @classmethod
    def of(cls, launch: Launch, client: ClientRegistration) -> Revocation:
        return cls(
            name=f"{launch.reference} at {launch.registration.slug}",
            client=client,
            config=SmartConfiguration.from_json(launch.configuration),
            access_token=launch.access_token,
            refresh_token=launch.refresh_token,
            correlation_id=tracing.correlation_id(),
        )

    def send(self) -> None:
        """The refresh token first: many EHRs end the access token with it."""
        hints: tuple[tuple[Secret, TokenHint], ...] = (
            (self.refresh_token, "refresh_token"),
            (self.access_token, "access_token"),
        )
        for token, hint in hints:
            if token:
                self._send_one(token, hint)

    def _send_one(self, token: Secret, hint: TokenHint) -> None:
        try:
            door = door_for(self.client, correlation_id=self.correlation_id)
            smart_token.revoke(door, self.client, self.config, token=token, hint=hint)
        except SmartError as error:
            logger.warning("the %s of launch %s was not revoked: %s", hint, self.name, error.reason or error.code)
        except Exception as error:
            # Wide on purpose: the thread serves the launches after this one.
            logger.error("the %s of launch %s was not revoked: %s", hint, self.name, type(error).__name__)


def end_launches(*launch_ids: str, reason: str) -> int:
    """End these launches, erase their tokens and have them revoked; says how many were still open."""
    return len(end_all(Launch.objects.filter(pk__in=launch_ids), reason=reason))


def end_all(launches: QuerySet[Launch], *, reason: str) -> list[Launch]:
    """End those that are still open, erase their tokens and have them revoked; gives their rows as they were.

    In a transaction the EHR is told when that is over; if it is rolled back, neither has happened.
    """
    with transaction.atomic():
        rows = launches.filter(ended_at=None).select_related("registration__site", "person")
        ended = list(rows.select_for_update(of=("self",)))
        Launch.objects.filter(pk__in=[row.pk for row in ended]).update(
            ended_at=timezone.now(), end_reason=reason, access_token="", refresh_token="", refresh_lease_until=None
        )
        if reason not in NOT_REVOKED and (found := _revocations(ended)):
            transaction.on_commit(lambda: revoke(*found), robust=True)
    return ended


def _revocations(launches: Iterable[Launch]) -> list[Revocation]:
    """For the launches whose EHR wants to be told; secrets that cannot be read must not keep a launch from ending."""
    found = []
    for launch in launches:
        try:
            client = launch.registration.as_client(iss=launch.iss)
            revocation = Revocation.of(launch, client)
        except (SmartError, ImproperlyConfigured) as error:
            logger.warning("tokens of launch %s are not revoked: %s", launch.reference, type(error).__name__)
            continue
        if revocation.config.revocation_endpoint:
            found.append(revocation)
    return found


def revoke(*revocations: Revocation) -> None:
    """Hand over to the threads; returns at once."""
    _senders.take(revocations)


def subject_of(launch: Launch) -> audit.Subject:
    """Whom events about this launch are about."""
    return audit.Subject(
        site=launch.registration.site.domain,
        registration=launch.registration.slug,
        launch=launch.pk,
        actor=f"{launch.person.subject} ({launch.person.issuer})" if launch.person else "unknown",
        patient=launch.patient,
    )


def listen() -> None:
    """Watch registrations being switched off; called once, when the apps are loaded."""
    uid = "smartportal.end_launches_of_disabled"
    post_save.connect(end_launches_of_disabled, sender=EhrRegistration, dispatch_uid=uid)


def end_launches_of_disabled(instance: EhrRegistration, **kwargs: Any) -> None:
    """A registration that is switched off ends what was opened with it."""
    if instance.enabled:
        return
    reason = "registration-disabled"
    with transaction.atomic():
        for launch in end_all(Launch.objects.filter(registration=instance), reason=reason):
            audit.write("session.ended", subject_of(launch), audit.Facts(reason=reason, reference=launch.reference))


class _Senders:
    """A few daemon threads and what waits for them; started when first needed, once per process."""

    def __init__(self) -> None:
        self._waiting: queue.Queue[Revocation] = queue.Queue(_WAITING_MOST)
        self._starting = threading.Lock()
        self._started = False

    def take(self, revocations: Iterable[Revocation]) -> None:
        self._start()
        for revocation in revocations:
            try:
                self._waiting.put_nowait(revocation)
            except queue.Full:
                logger.warning("tokens of launch %s are not revoked: too many are waiting", revocation.name)

    def _start(self) -> None:
        with self._starting:
            if not self._started:
                self._started = True
                for number in range(THREADS):
                    threading.Thread(target=self._work, name=f"revocation-{number}", daemon=True).start()

    def _work(self) -> None:
        while True:
            revocation = self._waiting.get()
            try:
                revocation.send()
            finally:
                self._waiting.task_done()

    def drain(self, seconds: float) -> bool:
        with self._waiting.all_tasks_done:
            return self._waiting.all_tasks_done.wait_for(lambda: not self._waiting.unfinished_tasks, seconds)


_senders = _Senders()


def drain(seconds: float = 5.0) -> bool:
    """Wait until everything handed over has been sent, for tests; says whether it has."""
    return _senders.drain(seconds)


def _start_afresh() -> None:
    """A forked child has neither the parent's threads nor a reason to send what waits there."""
    global _senders
    _senders = _Senders()


os.register_at_fork(after_in_child=_start_afresh)
