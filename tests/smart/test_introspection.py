"""What an EHR says of a token when asked (RFC 7662; SMART App Launch 2.2, "Token Introspection")."""

from __future__ import annotations

from typing import Any

import pytest

from launcher.smart.introspection import Introspection, read_introspection

# All that SMART App Launch demands of an answer about a token of a launch.
WHOLE: dict[str, Any] = {
    "active": True,
    "scope": "launch patient/*.rs",
    "client_id": "app",
    "exp": 1_800_000_000,
    "patient": "54520",
    "encounter": "e-1",
    "intent": "reconcile-medications",
    "iss": "https://ehr.test",
    "sub": "p-1",
    "fhirUser": "https://ehr.test/fhir/Practitioner/p-1",
}


def test_context_and_identity_of_the_launch_are_repeated() -> None:
    assert read_introspection(WHOLE) == Introspection(
        active=True,
        scope="launch patient/*.rs",
        client_id="app",
        expires_at=1_800_000_000,
        patient="54520",
        encounter="e-1",
        intent="reconcile-medications",
        fhir_user="https://ehr.test/fhir/Practitioner/p-1",
        issuer="https://ehr.test",
        subject="p-1",
    )


@pytest.mark.parametrize("name", ["scope", "client_id", "exp"])
@pytest.mark.parametrize("sent", [None, [], {}, True])
def test_what_the_standard_demands_and_was_not_sent_is_named(name: str, sent: object) -> None:
    assert read_introspection({**WHOLE, name: sent}).missing == (name,)


def test_a_token_that_nothing_is_granted_to_any_more_is_not_one_of_unknown_scope() -> None:
    found = read_introspection({**WHOLE, "scope": ""})
    assert (found.scope, found.missing) == ("", ())


def test_the_end_of_the_token_may_be_written_as_text() -> None:
    assert read_introspection({**WHOLE, "exp": "1800000000"}).expires_at == 1_800_000_000
    assert read_introspection({**WHOLE, "exp": "soon"}).expires_at is None


def test_of_an_inactive_token_nothing_is_believed() -> None:
    assert read_introspection({**WHOLE, "active": False}) == Introspection(active=False)
