"""How a registration is doing, at a glance: one word, and the one thing about it that is most worth mending.

The database finds the facts, the state and the order, so that a list of hundreds is sorted and filtered there; the
words are made here of what it found.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal
from urllib.parse import urlencode

from django.db import models
from django.db.models import Case, Exists, OuterRef, Q, Subquery, Value, When
from django.db.models.functions import Coalesce, Length
from django.db.models.lookups import Exact
from django.urls import reverse
from django.utils import timezone

from launcher import key_expiry
from launcher.explanations import EXPLANATIONS
from launcher.models import CheckRun, EhrRegistration, Launch, LaunchTrace, SigningKey
from launcher.secret_sources import read_secret_source
from launcher.short_times import ago
from launcher.smart.errors import SmartError

DAY = timedelta(hours=24)
CHECKED_EVERY = timedelta(hours=48)
"""Daily checks that are older than this have stopped."""

_Auth = EhrRegistration.AuthMethod
_WITH_SECRET = (_Auth.BASIC, _Auth.POST)
_MAY_HAVE_SECRET = (_Auth.AUTO, *_WITH_SECRET)
_Outcome = LaunchTrace.Outcome


class State(models.TextChoices):
    """What a registration is, in one word."""

    FAILING = "failing", "Check failing"
    NEEDS = "needs-credentials", "Needs credentials"
    READY = "ready", "Ready"
    VERIFIED = "verified", "Verified"
    OFF = "off", "Off"


MEANINGS = {
    State.FAILING: "The last check found something that keeps launches from working.",
    State.NEEDS: "Client ID, secret or key is missing or has expired.",
    State.READY: "Nothing known is in the way; no launch has been opened yet.",
    State.VERIFIED: "Nothing known is in the way, and a real launch has been opened.",
    State.OFF: "Launches are refused.",
}

Page = Literal["", "change", "check", "launches"]


@dataclass(frozen=True, slots=True)
class Problem:
    """One sentence, and the page on which it is mended or looked into; both empty when there is none."""

    text: str = ""
    page: Page = ""


def with_state(rows: models.QuerySet[EhrRegistration], *, now: datetime | None = None) -> models.QuerySet[Any]:
    """The same rows with `state`, `rank` (0 is the worst) and the facts they rest on; one query besides their own.

    Facts: `missing`, `checked_at`, `check_finished`, `check_failing`, `check_fails`, `check_warns`, `check_problem`,
    `launched_at`, `launch_outcome`, `launch_code`, `launch_reference`, `opened_day`, `failed_day`, `ever_opened`.
    """
    moment = now or timezone.now()
    found = rows.annotate(**_check_facts(), **_launch_facts(moment), missing=_missing(moment, _unreadable(rows)))
    return found.annotate(state=_state()).annotate(rank=_rank(moment))


def state_of(registration: EhrRegistration) -> tuple[State, Problem]:
    """State and worst problem of one registration. Raises EhrRegistration.DoesNotExist when it is not saved."""
    row = with_state(EhrRegistration.objects.filter(pk=registration.pk)).get()
    return State(row.state), top_problem(row, timezone.now())


# --- What the database finds ------------------------------------------------------------------------------------------
def _unreadable(rows: models.QuerySet[EhrRegistration]) -> list[int]:
    """Those whose secret is to come from a variable or file that is not there: the database cannot know."""
    sources = rows.order_by().exclude(secret_from="").values_list("pk", "secret_from")
    return [pk for pk, source in sources if _source_problem(source)]


def _source_problem(source: str) -> str:
    try:
        read_secret_source(source)
    except SmartError as error:
        return error.description
    except UnicodeDecodeError:
        return "it is not UTF-8 text"
    return ""


def _check_facts() -> dict[str, Subquery]:
    runs = CheckRun.objects.filter(registration=OuterRef("pk")).order_by("-at", "-pk")
    return {
        "checked_at": Subquery(runs.values("at")[:1]),
        "check_finished": Subquery(runs.values("finished")[:1]),
        "check_failing": Subquery(runs.values("failing")[:1]),
        "check_fails": Subquery(runs.values("fails")[:1]),
        "check_warns": Subquery(runs.values("warns")[:1]),
        "check_problem": Subquery(runs.values("top_problem")[:1]),
    }


def _launch_facts(now: datetime) -> dict[str, Any]:
    traces = LaunchTrace.objects.filter(registration=OuterRef("pk"))
    # One that is under way may be somebody reading the sign-in page: it says nothing yet.
    ended = traces.exclude(outcome=_Outcome.UNDER_WAY).order_by("-started_at")
    today = traces.filter(started_at__gte=now - DAY)
    return {
        "launched_at": Subquery(ended.values("started_at")[:1]),
        "launch_outcome": Subquery(ended.values("outcome")[:1]),
        "launch_code": Subquery(ended.values("code")[:1]),
        "launch_reference": Subquery(ended.values("reference")[:1]),
        "opened_day": _counted(today.filter(outcome=_Outcome.OPENED)),
        "failed_day": _counted(today.filter(outcome=_Outcome.FAILED)),
        "ever_opened": Exists(Launch.objects.filter(registration=OuterRef("pk"))),
    }


def _counted(traces: models.QuerySet[LaunchTrace]) -> Coalesce:
    counts = traces.order_by().values("registration").annotate(count=models.Count("pk")).values("count")
    return Coalesce(Subquery(counts), Value(0), output_field=models.IntegerField())


def _missing(now: datetime, unreadable: list[int]) -> Case:
    """What keeps this registration from being known at the EHR, as a word; "" for nothing."""
    keys = SigningKey.objects.filter(algorithm=OuterRef("signing_algorithm"), retiring_at=None, active_from__lte=now)
    no_secret = Q(Exact(Length("client_secret"), 0), secret_from="")
    return Case(
        When(client_id="", then=Value("client_id")),
        When(pk__in=unreadable, auth_method__in=_MAY_HAVE_SECRET, then=Value("source")),
        When(no_secret & Q(auth_method__in=_WITH_SECRET), then=Value("secret")),
        When(Q(auth_method=_Auth.PRIVATE_KEY_JWT) & ~Exists(keys), then=Value("key")),
        When(secret_expires_on__lt=timezone.localdate(now), auth_method__in=_MAY_HAVE_SECRET, then=Value("expired")),
        default=Value(""),
        output_field=models.CharField(),
    )


def _state() -> Case:
    return Case(
        When(enabled=False, then=Value(State.OFF.value)),
        When(~Q(missing=""), then=Value(State.NEEDS.value)),
        When(check_failing=True, then=Value(State.FAILING.value)),
        When(ever_opened=True, then=Value(State.VERIFIED.value)),
        default=Value(State.READY.value),
        output_field=models.CharField(),
    )


def _rank(now: datetime) -> Case:
    """The order of `top_problem`: whatever changes here changes there."""
    soon = timezone.localdate(now) + timedelta(days=key_expiry.WARNING_DAYS)
    unsure = Q(checked_at=None) | Q(checked_at__lt=now - CHECKED_EVERY) | Q(check_finished=False)
    return Case(
        When(state=State.OFF.value, then=Value(9)),
        When(state=State.FAILING.value, then=Value(0)),
        When(state=State.NEEDS.value, then=Value(1)),
        When(launch_outcome=_Outcome.FAILED.value, then=Value(2)),
        When(secret_expires_on__lte=soon, auth_method__in=_MAY_HAVE_SECRET, then=Value(3)),
        When(unsure, then=Value(4)),
        When(~Q(check_problem="") | Q(send_pkce=False), then=Value(5)),
        When(state=State.READY.value, then=Value(6)),
        default=Value(7),
        output_field=models.IntegerField(),
    )


# --- In words ---------------------------------------------------------------------------------------------------------
def top_problem(row: Any, now: datetime) -> Problem:
    """The one thing to mend first, of a row of `with_state`."""
    match State(row.state):
        case State.OFF:
            return Problem()
        case State.NEEDS:
            return Problem(_missing_words(row, now), "change")
        case State.FAILING:
            return Problem(row.check_problem, "check")
    return _lesser_problem(row, now)


def _missing_words(row: Any, now: datetime) -> str:
    match row.missing:
        case "client_id":
            return "There is no client ID: enter the one that the vendor gave."
        case "source":
            return f"The secret cannot be read: {_source_problem(row.secret_from)}."
        case "secret":
            return f"There is no client secret, and {row.auth_method} needs one."
        case "key":
            return f"No {row.signing_algorithm} signing key is active."
    return f"The client secret {key_expiry.secret_words(days_left(row, now) or 0)}."


def _lesser_problem(row: Any, now: datetime) -> Problem:
    left = days_left(row, now)
    if row.launch_outcome == _Outcome.FAILED:
        explanation = EXPLANATIONS.get(row.launch_code)
        words = explanation.title if explanation else row.launch_code or "no reason is known"
        return Problem(f"The last launch failed: {words}.", "launches")
    if left is not None and left <= key_expiry.WARNING_DAYS:
        return Problem(f"The client secret {key_expiry.secret_words(left)}.", "change")
    if row.checked_at is None:
        return Problem("It has not been checked yet.", "check")
    if now - row.checked_at > CHECKED_EVERY:
        return Problem(f"It was last checked {ago(row.checked_at, now)}: daily checks may have stopped.", "check")
    if not row.check_finished:
        return Problem("The last check was broken off.", "check")
    if row.check_problem:
        return Problem(row.check_problem, "check")
    if not row.send_pkce:
        return Problem("It sends no PKCE challenge.", "change")
    return Problem() if row.ever_opened else Problem("No launch has been opened yet.", "launches")


def days_left(row: EhrRegistration, now: datetime) -> int | None:
    """Days until the secret expires, negative afterwards; None where no day is known or no secret is sent."""
    if row.secret_expires_on is None or row.auth_method not in _MAY_HAVE_SECRET:
        return None
    return (row.secret_expires_on - timezone.localdate(now)).days


def page_of(row: EhrRegistration, page: Page, user: Any) -> str:
    """The address in the admin where a problem of this registration is mended or looked into, "" for who may not."""
    if page == "launches":
        return launches_page(ehr=row.slug) if user.has_perm("launcher.view_launchtrace") else ""
    if page == "check" and not user.has_perm("launcher.check_ehrregistration"):
        return ""
    return reverse(f"admin:launcher_ehrregistration_{page or 'change'}", args=[row.pk])


def launches_page(**filters: str) -> str:
    """The address of the launch history, filtered."""
    return f"{reverse('admin:launcher_launchtrace_changelist')}?{urlencode(filters)}"
