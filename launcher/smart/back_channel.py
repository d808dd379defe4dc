"""One request to an EHR's authorization server, with the client's proof of who it is, and the judgement of its answer.

RFC 6749, section 5; SMART App Launch 2.2, "Obtain access token". A request that may have arrived is never sent again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NoReturn

from launcher.smart.answer import Answer
from launcher.smart.client_auth import Credentials, credentials
from launcher.smart.configuration import SmartConfiguration
from launcher.smart.errors import ErrorCode, SmartError
from launcher.smart.http import TOTAL_SECONDS, Door
from launcher.smart.origins import origin_of
from launcher.smart.registration import ClientRegistration
from launcher.smart.strict_json import JsonError, JsonValue, parse

ANSWER_BYTES = 64 * 1024

# RFC 6749, section 5.2; RFC 8707; RFC 9449. Only these words are ever repeated.
TOKEN_ERRORS = frozenset(
    {
        "invalid_request",
        "invalid_client",
        "invalid_grant",
        "unauthorized_client",
        "unsupported_grant_type",
        "invalid_scope",
        "invalid_target",
        "access_denied",
        "server_error",
        "temporarily_unavailable",
    }
)
REJECTED_CLIENT = frozenset({"invalid_client", "unauthorized_client"})
_BUSY = {429, 503}


def ask(
    door: Door,
    registration: ClientRegistration,
    config: SmartConfiguration,
    *,
    form: Sequence[tuple[str, str]],
    bad_grant: ErrorCode,
) -> Mapping[str, JsonValue]:
    """Post a grant to the token endpoint; the JSON object of a success. Raises as `judged` and `post`."""
    answer = post(door, registration, config, url=config.token_endpoint, form=form)
    return judged(answer, url=config.token_endpoint, bad_grant=bad_grant)


def post(
    door: Door,
    registration: ClientRegistration,
    config: SmartConfiguration,
    *,
    url: str,
    form: Sequence[tuple[str, str]],
    proof: Credentials | None = None,
    seconds: float = TOTAL_SECONDS,
) -> Answer:
    """Post a form with fresh credentials of the client, or with `proof` in their place.

    Raises `client_rejected` for credentials that cannot be made, and what the door raises.
    """
    proof = credentials(registration, config) if proof is None else proof
    return door.post_form(
        url,
        [*form, *proof.form],
        max_bytes=ANSWER_BYTES,
        failure="token_unreadable",
        seconds=seconds,
        authorization=proof.authorization,
    )


def judged(answer: Answer, *, url: str, bad_grant: ErrorCode) -> Mapping[str, JsonValue]:
    """The JSON object of a success. An `error` counts whatever status it came with.

    Raises `ehr_busy` (context `retry_after` in seconds, if told), `client_rejected`, `bad_grant` for `invalid_grant`,
    and `token_unreadable`.
    """
    host, status = origin_of(url).host, answer.status
    if status in _BUSY:
        wait = {} if answer.retry_after is None else {"retry_after": answer.retry_after}
        refuse("ehr_busy", f"{host}: the token endpoint answered with status {status}", "busy", status=status, **wait)
    body, reason = _object(answer.body)
    error = body.get("error")
    if error is not None and error != "":
        word = error if isinstance(error, str) and error in TOKEN_ERRORS else "other"
        code: ErrorCode = "token_unreadable"
        if word in REJECTED_CLIENT:
            code = "client_rejected"
        elif word == "invalid_grant":
            code = bad_grant
        refuse(code, f"{host}: the token endpoint answered with error {word}", word, status=status)
    if status != 200:
        refuse("token_unreadable", f"{host}: the token endpoint answered with status {status}", "status", status=status)
    if reason:
        refuse("token_unreadable", f"{host}: the token response is no JSON object ({reason})", reason, status=status)
    return body


def _object(body: bytes) -> tuple[Mapping[str, JsonValue], str]:
    """The JSON object, or an empty one and why it is none."""
    try:
        value = parse(body)
    except JsonError as error:
        return {}, error.reason
    return (value, "") if isinstance(value, dict) else ({}, "content")


def refuse(code: ErrorCode, description: str, reason: str, **context: int) -> NoReturn:
    """Raise an error of the token step."""
    raise SmartError(code, description, reason=reason, context={"stage": "token", **context})
