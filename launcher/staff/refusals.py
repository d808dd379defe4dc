"""Why somebody was not signed in at the provider, and what the page says about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from launcher.smart.errors import SmartError

Kind = Literal[
    "start_again", "provider_refused", "provider_down", "provider_busy", "not_believed", "set_up", "no_role",
    "inactive", "other_site",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Words:
    """`status` of the answer, and the three things a page says."""

    status: int
    title: str
    sentence: str
    what_to_do: str


class Refused(Exception):
    """Nobody is signed in. `reason` is the machine word of the audit, `actor` who it was, as far as that is known.

    `description` is for the log: technical, free of secrets and of text sent by anybody.
    """

    def __init__(self, kind: Kind, *, reason: str = "", actor: str = "unknown", description: str = "") -> None:
        super().__init__(f"{kind}: {reason or kind}")
        self.kind: Kind = kind
        self.reason = reason or kind
        self.actor = actor
        self.description = description


_TELL = "If it happens again, give the people who run this installation the reference below."

WORDS: dict[Kind, Words] = {
    "start_again": Words(
        400,
        "Please start again",
        "This sign-in was begun too long ago, was used already, or was begun in another browser. Nobody was signed in.",
        f"Go back to the sign-in page and sign in from there; keep to one window. {_TELL}",
    ),
    "provider_refused": Words(
        403,
        "Your hospital account was not signed in",
        "Your organisation's sign-in service ended the sign-in without identifying you.",
        "Go back to the sign-in page and try again. If you are refused again, ask the help desk for your hospital "
        "account whether you may use this application.",
    ),
    "provider_down": Words(
        503,
        "Your organisation's sign-in service is not answering",
        "We could not reach it, or it did not answer in time. Nobody was signed in.",
        f"Wait a few minutes and try again. {_TELL}",
    ),
    "provider_busy": Words(
        503,
        "Your organisation's sign-in service is busy",
        "It asked us to come back later. Nobody was signed in.",
        f"Wait a few minutes and try again. {_TELL}",
    ),
    "not_believed": Words(
        502,
        "We could not make sure who you are",
        "What your organisation's sign-in service sent did not pass our checks, so nobody was signed in.",
        f"Go back to the sign-in page and try again. {_TELL}",
    ),
    "set_up": Words(
        502,
        "Signing in with a hospital account is not set up correctly",
        "The sign-in service and this application do not agree about their settings. Nobody was signed in.",
        "Give the people who run this installation the reference below; their log says which setting it is.",
    ),
    "no_role": Words(
        403,
        "Your hospital account has no role here",
        "You were identified, but none of your groups gives you work to do in this administration.",
        "If you need it for your work, ask the people who manage your hospital account for a group with a role here. "
        "Then sign in again.",
    ),
    "inactive": Words(
        403,
        "Your account here is switched off",
        "You were identified, but an administrator of this installation has switched your account off.",
        "Ask the people who run this installation to switch it on again.",
    ),
    "other_site": Words(
        403,
        "Your account does not belong to this site",
        "You were identified, but this web address is not that of a site you work for.",
        "Open the administration at the address of the site you work for, or ask the people who run this installation "
        "to add you here.",
    ),
}  # fmt: skip

_KINDS: dict[str, Kind] = {
    "ehr_unreachable": "provider_down",
    "ehr_address_forbidden": "set_up",
    "ehr_busy": "provider_busy",
    "client_rejected": "set_up",
    "code_rejected": "start_again",
}
_SETTINGS = {"issuer", "document", "endpoint", "host_unapproved"}


def refusal_of(error: SmartError) -> Refused:
    """What a failure on the way to the provider means to the person who waits."""
    kind: Kind = _KINDS.get(error.code, "not_believed")
    if error.code == "identity_invalid" and error.reason in _SETTINGS:
        kind = "set_up"
    return Refused(kind, reason=error.reason or error.code, description=error.description)
