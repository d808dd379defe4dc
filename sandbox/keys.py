"""The signing key of the simulated EHRs' id_tokens: derived from SECRET_KEY, so that all workers publish the same one.

An RSA key cannot be asked of the library from a seed; the two primes are therefore searched here, from numbers that
SECRET_KEY determines. This is for a simulator only: a real EHR's key comes from a random generator.
"""

from __future__ import annotations

import base64
import hashlib
from functools import lru_cache

from cryptography.hazmat.primitives.asymmetric import rsa
from django.conf import settings

BITS = 2048
EXPONENT = 65537
_ROUNDS = 20
_SMALL_PRIMES = tuple(n for n in range(3, 2000, 2) if all(n % d for d in range(3, int(n**0.5) + 1, 2)))


def _is_prime(candidate: int) -> bool:
    """Miller-Rabin (FIPS 186-5, appendix B.3.1) with fixed bases, after trial division."""
    if any(candidate % prime == 0 for prime in _SMALL_PRIMES):
        return False
    odd, twos = candidate - 1, 0
    while odd % 2 == 0:
        odd, twos = odd // 2, twos + 1
    return all(_passes(candidate, base, odd=odd, twos=twos) for base in _SMALL_PRIMES[:_ROUNDS])


def _passes(candidate: int, base: int, *, odd: int, twos: int) -> bool:
    power = pow(base, odd, candidate)
    if power in (1, candidate - 1):
        return True
    for _ in range(twos - 1):
        power = power * power % candidate
        if power == candidate - 1:
            return True
    return False


def _prime(label: str) -> int:
    """The first fitting prime at or after the number that SECRET_KEY and the label give; its two top bits are set."""
    seed = f"sandbox.keys:{label}:{settings.SECRET_KEY}".encode()
    number = int.from_bytes(hashlib.shake_256(seed).digest(BITS // 16), "big")
    number |= (0b11 << (BITS // 2 - 2)) | 1
    while not (_is_prime(number) and (number - 1) % EXPONENT):
        number += 2
    return number


@lru_cache(maxsize=1)
def signing_key() -> rsa.RSAPrivateKey:
    """The private key; made at the first call of a process (well under a second)."""
    p, q = _prime("p"), _prime("q")
    d = pow(EXPONENT, -1, (p - 1) * (q - 1))
    numbers = rsa.RSAPrivateNumbers(
        p=p,
        q=q,
        d=d,
        dmp1=rsa.rsa_crt_dmp1(d, p),
        dmq1=rsa.rsa_crt_dmq1(d, q),
        iqmp=rsa.rsa_crt_iqmp(p, q),
        public_numbers=rsa.RSAPublicNumbers(e=EXPONENT, n=p * q),
    )
    return numbers.private_key()


def _base64url(number: int) -> str:
    raw = number.to_bytes((number.bit_length() + 7) // 8, "big")
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def public_jwk() -> dict[str, str]:
    """The public half as a JWK (RFC 7517), its `kid` taken from the modulus."""
    numbers = signing_key().public_key().public_numbers()
    modulus = _base64url(numbers.n)
    kid = hashlib.sha256(modulus.encode()).hexdigest()[:16]
    return {"kty": "RSA", "use": "sig", "alg": "RS256", "kid": kid, "n": modulus, "e": _base64url(numbers.e)}
