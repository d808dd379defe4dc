"""One EHR as the checks see it: each question is asked once, by whichever check comes first, and shared."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from launcher.asked_scopes import asked_scopes
from launcher.probe.facts import Facts
from launcher.smart import configuration, conformance
from launcher.smart.answer import Answer
from launcher.smart.authorization import AuthorizeRequest, new_nonce, new_state
from launcher.smart.configuration import WELL_KNOWN, SmartConfiguration, Source
from launcher.smart.conformance import Statement
from launcher.smart.errors import SmartError
from launcher.smart.fhir_version import FhirVersion
from launcher.smart.foreign_text import plain
from launcher.smart.handshake import Handshake, shake_hands
from launcher.smart.listening import Heard, ListeningDoor, Once
from launcher.smart.origins import Base, parse_base
from launcher.smart.pkce import s256_challenge
from launcher.smart.registration import ClientRegistration
from launcher.smart.scopes import standalone_scopes
from launcher.smart.strict_json import JsonError, JsonValue, parse

T = TypeVar("T")
ENDPOINTS = ("authorization_endpoint", "token_endpoint", "jwks_uri")
_IN_CONTENT = {"endpoint_missing", "endpoint_scheme", "endpoint_malformed", "host_unapproved"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How long things may take, in seconds; `days` are those that a certificate should be good for."""

    slow: float = 2.0
    too_slow: float = 8.0
    handshake: float = 8.0
    page: float = 10.0
    in_all: float = 60.0
    clock: float = 60.0
    days: int = 21
    launch_days: int = 30


LIMITS = Limits()


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One of the EHR's two documents: what came, and what a launch would make of it.

    `answer` is None when none came. `readable` tells a document with wrong endpoints from no document at all.
    """

    source: Source
    answer: Answer | None = None
    milliseconds: int = 0
    configuration: SmartConfiguration | None = None
    error: SmartError | None = None

    @property
    def readable(self) -> bool:
        return self.error is None or self.error.reason in _IN_CONTENT

    @property
    def body(self) -> dict[str, JsonValue]:
        """The JSON object in it, empty when there is none."""
        try:
            value = parse(self.answer.body) if self.answer else None
        except JsonError:
            return {}
        return value if isinstance(value, dict) else {}


class Ehr:
    """What the checks of one run share. Safe to use from several threads; asks nothing of the database."""

    def __init__(self, facts: Facts, limits: Limits = LIMITS) -> None:
        self.facts = facts
        self.limits = limits
        self._once = Once()

    @property
    def client(self) -> ClientRegistration:
        return self.facts.client

    @property
    def base(self) -> Base:
        """The issuer in parsed parts; ValueError if it is no web address."""
        return parse_base(self.client.iss)

    @property
    def door(self) -> ListeningDoor:
        """The way to this EHR, with the networks, origins and authorities of the registration."""
        return self._shared("door", lambda: self.door_to(self.client.iss))

    def door_to(self, base: str) -> ListeningDoor:
        """A door of the same kind for another place."""
        return ListeningDoor(
            fhir_base=base,
            approved_origins=self.client.approved_origins,
            networks=self.client.networks,
            ca_bundle=self.client.ca_bundle,
        )

    @property
    def handshake(self) -> Handshake:
        return self._shared(
            "handshake",
            lambda: shake_hands(
                self.base.origin,
                networks=self.client.networks,
                ca_bundle=self.client.ca_bundle,
                seconds=self.limits.handshake,
            ),
        )

    @property
    def well_known(self) -> Reading:
        """The SMART configuration, whether or not this EHR's preset looks for it."""
        client = replace(self.client, fhir_version=self.client.fhir_version or FhirVersion.R4)
        return self._shared("well-known", lambda: self._read(client, "well-known", WELL_KNOWN))

    @property
    def metadata(self) -> Reading:
        return self._shared("metadata", lambda: self._read(self.client, "metadata", "metadata"))

    @property
    def statement(self) -> Statement | None:
        """The conformance statement in `metadata`, None when that holds none."""
        return conformance.read(self.metadata.body)

    @property
    def configuration(self) -> SmartConfiguration:
        """What a launch would use now, without any cache. Raises SmartError as discovery does."""
        return self._shared("configuration", self._configuration)

    @property
    def usable(self) -> SmartConfiguration | None:
        """The same, or None when discovery fails."""
        try:
            return self.configuration
        except SmartError:
            return None

    @property
    def first_page(self) -> Answer:
        """What the authorization endpoint answers to a request of ours, sent without a person. Raises SmartError."""
        return self._shared("first-page", self._first_page)

    @property
    def asked(self) -> str:
        """The scopes that a launch would ask for. Raises SmartError as discovery does."""
        return asked_scopes(self.facts.registration, self.client, self.configuration, scopes=self.client.scopes)

    @property
    def version(self) -> FhirVersion | None:
        """The FHIR version in force: the registered one, else the statement's."""
        return self.client.fhir_version or (self.statement.fhir_version if self.statement else None)

    def heard(self) -> tuple[Heard, ...]:
        """Both documents' answers, as far as any came."""
        readings = (self.well_known, self.metadata)
        return self.door.heard if readings else ()

    def written(self) -> list[tuple[str, str, str]]:
        """Every endpoint as written: where ("registration", "well-known", "metadata"), its name, its address."""
        found = [("registration", name, url) for name, url in self.facts.registration.endpoint_overrides.items()]
        body = self.well_known.body if self.well_known.readable else {}
        found += [("well-known", name, url) for name in ENDPOINTS if (url := plain(body.get(name)))]
        named = self.statement.endpoints if self.statement else {}
        return found + [("metadata", name, url) for name, url in named.items() if name in ENDPOINTS]

    def _read(self, client: ClientRegistration, source: Source, path: str) -> Reading:
        quirks = replace(client.quirks, discovery=(source,), open_server=False)
        config, problem = None, None
        try:
            config = configuration.discover(self.door, replace(client, quirks=quirks))
        except SmartError as error:
            problem = error
        heard = [each for each in self.door.heard if _name_of(each.url) == path.rpartition("/")[2]]
        last = heard[-1] if heard else None
        return Reading(
            source=source,
            answer=last.answer if last else None,
            milliseconds=last.milliseconds if last else 0,
            configuration=config,
            error=problem,
        )

    def _configuration(self) -> SmartConfiguration:
        overrides = self.facts.registration.endpoint_overrides
        read = configuration.read_open_server if self.client.quirks.open_server else configuration.discover
        try:
            found = read(self.door, self.client)
        except SmartError as error:
            if error.code != "discovery_failed" or not overrides.keys() >= set(ENDPOINTS[:2]):
                raise
            found = SmartConfiguration(authorization_endpoint="", token_endpoint="", fhir_version=self.version)
        changed: dict[str, Any] = dict(overrides)
        return replace(found, **changed)

    def _first_page(self) -> Answer:
        verifier = new_state()
        ask = AuthorizeRequest(
            client_id=self.client.client_id,
            redirect_uri=self.client.redirect_uri,
            # Without a launch there is no context but the one that is asked for.
            scope=standalone_scopes(self.asked),
            state=new_state(),
            aud=self.client.iss,
            code_challenge=s256_challenge(verifier) if self.client.quirks.pkce else "",
            nonce=new_nonce(),
        )
        return self.door.first_answer(ask.url(self.configuration.authorization_endpoint), seconds=self.limits.page)

    def _shared(self, name: str, work: Callable[[], T]) -> T:
        found: T = self._once(name, work)
        return found


def _name_of(address: str) -> str:
    """The last part of the address's path."""
    return parse_base(address.partition("?")[0]).segments[-1]
