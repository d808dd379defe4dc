"""An EHR whose every answer takes a fixed time: SMART launch without a sign-in page, FHIR R4 with invented records.

Run as `python -m benchmarks.slow_ehr PORT`. `POST /control` changes the figures of `Settings`; `GET /control` tells how
many requests came and how many were open at once. Only for benchmarks: every code and every token is accepted.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from dataclasses import asdict, dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

HOST = "127.0.0.1"


@dataclass
class Settings:
    """`delay` in seconds for each answer; `slow` names a resource type whose search has `slow_pages` pages."""

    delay: float = 0.1
    conditions: int = 20
    medications: int = 20
    page_size: int = 200
    slow: str = ""
    slow_pages: int = 1
    hang: str = ""
    hang_seconds: float = 8.0


class State:
    """What the server knows; one for the process."""

    settings = Settings()
    requests = 0
    open_now = 0
    open_most = 0
    lock = threading.Lock()


def _patient(patient_id: str) -> dict[str, Any]:
    return {
        "resourceType": "Patient",
        "id": patient_id,
        "name": [{"use": "official", "family": "Example", "given": ["Bench"]}],
        "gender": "female",
        "birthDate": "1950-05-05",
        "identifier": [{"type": {"coding": [{"code": "MR"}]}, "value": f"MRN-{patient_id}"}],
    }


def _condition(patient_id: str, number: int) -> dict[str, Any]:
    return {
        "resourceType": "Condition",
        "id": f"c{number}",
        "subject": {"reference": f"Patient/{patient_id}"},
        "clinicalStatus": {"coding": [{"code": "active" if number % 5 else "resolved"}]},
        "verificationStatus": {"coding": [{"code": "confirmed"}]},
        "category": [{"coding": [{"code": "problem-list-item", "display": "Problem list item"}]}],
        "code": {
            "text": f"Invented condition {number}",
            "coding": [{"system": "http://snomed.info/sct", "code": str(10_000_000 + number)}],
        },
        "onsetDateTime": f"20{number % 25:02}-0{number % 9 + 1}-11",
        "recordedDate": f"20{number % 25:02}-0{number % 9 + 1}-12",
    }


def _medication(patient_id: str, number: int) -> dict[str, Any]:
    return {
        "resourceType": "MedicationRequest",
        "id": f"m{number}",
        "subject": {"reference": f"Patient/{patient_id}"},
        "status": "active" if number % 3 else "completed",
        "intent": "order",
        "medicationCodeableConcept": {"text": f"inventedol {number} 10 mg tablet"},
        "authoredOn": f"20{number % 25:02}-0{number % 9 + 1}-11",
        "dosageInstruction": [{"text": "1 tablet daily", "route": {"text": "oral"}}],
    }


_MADE = {"Condition": (_condition, "conditions"), "MedicationRequest": (_medication, "medications")}


class Handler(BaseHTTPRequestHandler):
    """One connection; kept open between requests, as EHRs do."""

    protocol_version = "HTTP/1.1"
    # One packet for head and body, at once: waiting for an acknowledgement between them would be measured as ours.
    wbufsize = -1
    disable_nagle_algorithm = True

    def log_message(self, *args: object) -> None:
        """A benchmark's own noise would be measured too."""

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        if url.path == "/control":
            self._json({"requests": State.requests, "open_most": State.open_most})
            return
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        self._counted(lambda: self._answer(url.path, query))

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path == "/control":
            State.settings = Settings(**{**asdict(Settings()), **json.loads(body)})
            State.requests = State.open_most = 0
            self._json({})
            return
        form = {name: values[0] for name, values in parse_qs(body.decode()).items()}
        self._counted(lambda: self._token(form))

    def _counted(self, answer: Any) -> None:
        with State.lock:
            State.requests += 1
            State.open_now += 1
            State.open_most = max(State.open_most, State.open_now)
        try:
            time.sleep(State.settings.delay)
            answer()
        finally:
            with State.lock:
                State.open_now -= 1

    @property
    def _base(self) -> str:
        return f"http://{self.headers['Host']}"

    def _token(self, form: dict[str, str]) -> None:
        self._json(
            {
                "access_token": "invented-token",
                "token_type": "Bearer",
                "expires_in": 3600,
                "scope": "launch patient/*.rs",
                "patient": form.get("code", "p1"),
            }
        )

    def _answer(self, path: str, query: dict[str, str]) -> None:
        if path.endswith("/.well-known/smart-configuration"):
            self._json(
                {
                    "authorization_endpoint": f"{self._base}/authorize",
                    "token_endpoint": f"{self._base}/token",
                    "grant_types_supported": ["authorization_code"],
                    "capabilities": ["launch-ehr", "client-public", "permission-v2", "context-ehr-patient"],
                    "code_challenge_methods_supported": ["S256"],
                }
            )
            return
        kind, _, resource_id = path.removeprefix("/fhir/").partition("/")
        if kind == "Patient" and resource_id:
            self._json(_patient(resource_id))
        else:
            self._search(kind, query)

    def _search(self, kind: str, query: dict[str, str]) -> None:
        settings = State.settings
        if kind == settings.hang:
            time.sleep(settings.hang_seconds)
        page = int(query.get("page", 1))
        make, count_name = _MADE.get(kind, (None, ""))
        total = getattr(settings, count_name) if count_name else 0
        size = settings.page_size
        if kind == settings.slow:
            size = max(1, -(-total // settings.slow_pages))
        patient = query.get("patient", "").removeprefix("Patient/")
        numbers = range((page - 1) * size, min(page * size, total))
        more = page * size < total
        self._json(
            {
                "resourceType": "Bundle",
                "type": "searchset",
                "total": total,
                "link": [{"relation": "next", "url": f"{self._base}/fhir/{kind}?patient={patient}&page={page + 1}"}]
                if more
                else [],
                "entry": [{"resource": make(patient, number)} for number in numbers] if make else [],
            }
        )

    def _json(self, value: dict[str, Any]) -> None:
        body = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/fhir+json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class Server(ThreadingHTTPServer):
    """Takes as many connections at once as a chart opens."""

    daemon_threads = True
    request_queue_size = 128


def main() -> None:
    """Serve until stopped."""
    Server((HOST, int(sys.argv[1])), Handler).serve_forever()


if __name__ == "__main__":
    main()
