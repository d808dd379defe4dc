"""PKCE: verifiers nobody can guess, challenges as RFC 7636 computes them."""

from __future__ import annotations

import base64
import hashlib
import re

from launcher.smart.pkce import new_verifier, s256_challenge


def test_the_challenge_is_that_of_the_standards_example() -> None:
    verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    assert s256_challenge(verifier) == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


def test_verifiers_are_unreserved_long_and_never_the_same() -> None:
    made = [new_verifier() for _ in range(100_000)]
    assert len(set(made)) == len(made)
    assert all(re.fullmatch(r"[A-Za-z0-9._~-]{43,128}", verifier) for verifier in made)


def test_a_verifier_carries_at_least_256_bits() -> None:
    verifier = new_verifier()
    assert len(base64.urlsafe_b64decode(verifier + "=" * (-len(verifier) % 4))) >= 32


def test_a_challenge_is_unpadded_and_does_not_show_the_verifier() -> None:
    verifier = new_verifier()
    challenge = s256_challenge(verifier)
    assert re.fullmatch(r"[A-Za-z0-9_-]{43}", challenge)
    assert base64.urlsafe_b64decode(challenge + "=") == hashlib.sha256(verifier.encode()).digest()
