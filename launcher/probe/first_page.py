"""What an authorization endpoint's first answer says about client ID and redirect address.

RFC 6749, section 4.1.2.1: errors about these two are shown to the person and never sent back to the app, in whatever
form the vendor likes; all others come by a redirect to the app. No text of the page is kept or repeated.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal
from urllib.parse import parse_qsl, urlsplit

from launcher.smart.answer import Answer
from launcher.smart.origins import same_base

About = Literal["accepted", "client", "redirect", "scope", "refused", "unclear"]

_CLIENT = re.compile(
    r"unauthorized_client|invalid_client|(?:unknown|invalid|unrecogni[sz]ed|unregistered)\W+(?:client|application|app)\b"
    r"|client(?:_|\W)?(?:id)?\W+(?:is\W+)?(?:not\W+(?:found|known|registered|recogni[sz]ed|valid)|unknown|invalid)",
    re.IGNORECASE,
)
_REDIRECT = re.compile(
    r"redirect[_ ]?ur[il]\W{1,3}(?:[a-z ]{0,30}\b)?(?:invalid|mismatch\w*|not\b|unknown|wrong)"
    r"|(?:invalid|mismatch\w*|unknown|unregistered|bad)\W+redirect",
    re.IGNORECASE,
)
_PASSWORD = re.compile(r"<input\b[^>]*\btype\s*=\s*[\"']?password", re.IGNORECASE)
_FORM = re.compile(r"<form\b", re.IGNORECASE)
_HEADINGS = re.compile(r"<(title|h[1-3])\b[^>]*>(.{0,500}?)</\1", re.IGNORECASE | re.DOTALL)
_TAG = re.compile(r"<[^>]{0,2000}>")
_SIGN_IN = re.compile(r"\b(?:log|sign)[ -]?(?:in|on)\b", re.IGNORECASE)
_ERROR_PLACE = re.compile(r"\berror|failure", re.IGNORECASE)
_CLIENT_ERRORS = {"unauthorized_client", "invalid_client"}
_SCOPE_ERRORS = {"invalid_scope"}
# Without a launch or a person these are an answer to what is missing, from a server that knows the client.
_FOR_LACK_OF_A_PERSON = {
    "invalid_request",
    "login_required",
    "interaction_required",
    "consent_required",
    "account_selection_required",
    "access_denied",
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is objected to, if anything, the evidence in our words, and whether it came back to our own address."""

    about: About
    evidence: str
    came_back: bool = False


def read(answer: Answer, *, redirect_uri: str) -> Verdict:
    """Judge the first answer; see `About`. "refused" is an error without a reason, "unclear" neither yes nor no."""
    if 300 <= answer.status < 400:
        return _redirected(answer, redirect_uri)
    text = answer.body.decode("utf-8", "replace")
    where = f"The authorization endpoint answered with status {answer.status}"
    if answer.status < 400 and _PASSWORD.search(text):
        return Verdict("accepted", f"{where} and a page to sign in.")
    asks = answer.status < 400 and bool(_FORM.search(text))
    # A page that asks something may speak of anything; an error stands in its headings then.
    judged = " ".join(found[1] for found in _HEADINGS.findall(text)) if asks else _TAG.sub(" ", text)
    if _REDIRECT.search(judged):
        return Verdict("redirect", f"{where} and names the redirect URI.")
    if _CLIENT.search(judged):
        return Verdict("client", f"{where} and names the client.")
    if asks:
        return Verdict("accepted", f"{where} and a page with a form.")
    if answer.status >= 400:
        return Verdict("refused", f"{where} and does not say why.")
    if _SIGN_IN.search(text):
        return Verdict("accepted", f"{where} and a page to sign in.")
    return Verdict("unclear", f"{where} and a page that is neither a sign-in nor an error we know.")


def _redirected(answer: Answer, redirect_uri: str) -> Verdict:
    location = answer.headers.get("location", "")
    address, _, query = location.partition("?")
    parameters = dict(parse_qsl(query.partition("#")[0]))
    error = parameters.get("error", "")
    where = f"The authorization endpoint redirected ({answer.status})"
    if same_base(address.partition("#")[0], redirect_uri):
        if not error:
            return Verdict("accepted", f"{where} to us.", came_back=True)
        return _sent_back(error, where)
    if _CLIENT.search(query):
        return Verdict("client", f"{where} to a page about the client.")
    if _REDIRECT.search(query.replace("+", " ").replace("%20", " ")):
        return Verdict("redirect", f"{where} to a page about the redirect URI.")
    if error or _ERROR_PLACE.search(urlsplit(address).path):
        return Verdict("refused", f"{where} to an error page that does not say why.")
    if not location:
        return Verdict("unclear", f"{where} without saying where to.")
    return Verdict("accepted", f"{where} to sign in.")


def _sent_back(error: str, where: str) -> Verdict:
    """An error at our own address: so the address itself is accepted."""
    if error in _CLIENT_ERRORS:
        return Verdict("client", f"{where} back to us with {error}.", came_back=True)
    if error in _SCOPE_ERRORS:
        return Verdict("scope", f"{where} back to us with {error}.", came_back=True)
    if error in _FOR_LACK_OF_A_PERSON:
        words = f"{where} back to us with {error}, as there was no launch and nobody to sign in."
        return Verdict("accepted", words, came_back=True)
    return Verdict("unclear", f"{where} back to us with another error.", came_back=True)
