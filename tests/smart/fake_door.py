"""A door without a network: plays prepared answers, remembers what was asked, and judges hosts as the real one does."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from launcher.smart.answer import Answer
from launcher.smart.errors import ErrorCode, SmartError
from launcher.smart.http import Door
from launcher.smart.origins import is_below
from launcher.smart.registration import ClientRegistration
from launcher.smart.secret import Secret

Reply = Answer | SmartError | Callable[[], Answer]


@dataclass
class Call:
    """One request that would have left."""

    method: str
    url: str
    accept: str = ""
    form: list[tuple[str, str]] = field(default_factory=list)
    authorization: str = ""
    token: str = ""
    correlation_id: str = ""
    max_bytes: int = 0
    seconds: float = 0


def reply(
    body: Any = "", *, status: int = 200, kind: str = "application/json", headers: Mapping[str, str] | None = None
) -> Answer:
    """An answer; bytes and text go as they are, anything else as JSON."""
    raw = body if isinstance(body, bytes) else body.encode() if isinstance(body, str) else json.dumps(body).encode()
    return Answer(status, {"content-type": kind, **(headers or {})}, raw, "")


def unreachable(reason: str = "timeout") -> SmartError:
    return SmartError("ehr_unreachable", "no answer", reason=reason)


class FakeDoor(Door):
    """Answers by address (without its query, unless the one with the query is prepared); 404 for all others."""

    def __init__(self, registration: ClientRegistration, replies: Mapping[str, Reply] | None = None) -> None:
        super().__init__(fhir_base=registration.iss, approved_origins=registration.approved_origins)
        self._fhir_base = registration.iss
        self._guard = threading.Lock()
        self.replies: dict[str, Reply] = dict(replies or {})
        self.calls: list[Call] = []

    @property
    def urls(self) -> list[str]:
        return [call.url for call in self.calls]

    def get(
        self, url: str, *, accept: str, max_bytes: int, failure: ErrorCode, seconds: float = 15.0, etag: str = ""
    ) -> Answer:
        self._approved(self.approves(url), failure)
        return self._play(Call("GET", url, accept=accept, max_bytes=max_bytes, seconds=seconds))

    def post_form(
        self,
        url: str,
        form: Sequence[tuple[str, str]],
        *,
        headers: Mapping[str, str] | None = None,
        max_bytes: int,
        failure: ErrorCode,
        seconds: float = 15.0,
        authorization: Secret | None = None,
    ) -> Answer:
        self._approved(self.approves(url), failure)
        opened = authorization.reveal() if authorization else ""
        return self._play(Call("POST", url, form=list(form), authorization=opened, max_bytes=max_bytes))

    def get_fhir(
        self,
        url: str,
        *,
        token: Secret | None,
        accept: str,
        max_bytes: int = 10 * 1024 * 1024,
        failure: ErrorCode = "patient_unavailable",
        seconds: float = 15.0,
        correlation_id: str = "",
    ) -> Answer:
        self._approved(is_below(url, self._fhir_base), failure)
        opened = token.reveal() if token else ""
        call = Call("GET", url, accept=accept, token=opened, correlation_id=correlation_id, seconds=seconds)
        return self._play(call)

    def _approved(self, allowed: bool, failure: ErrorCode) -> None:
        if not allowed:
            raise SmartError(failure, "not approved", reason="host_unapproved")

    def _play(self, call: Call) -> Answer:
        with self._guard:
            self.calls.append(call)
        found = self.replies.get(call.url, self.replies.get(call.url.partition("?")[0], reply("no", status=404)))
        if isinstance(found, SmartError):
            raise found
        return found if isinstance(found, Answer) else found()
