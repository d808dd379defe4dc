"""Checks 17 to 23: what the vendor has to know about this app, and what this app has to prove itself with.

SMART App Launch 2.2, "Register App with EHR", "Client Authentication"; RFC 6749, sections 4.1.2.1 and 5.2. Those that
try client ID, redirect address and secret leave a trace in the vendor's log, and run only when somebody asks.
"""

from __future__ import annotations

from datetime import timedelta

from launcher import needs
from launcher.probe import first_page
from launcher.probe.ehr import Ehr
from launcher.probe.findings import Finding, check, failed, noted, passed, skipped, warned
from launcher.probe.wording import error_in_words, named
from launcher.smart import back_channel, scopes
from launcher.smart.authorization import new_state
from launcher.smart.client_auth import METHODS, choose_key, choose_method, unlisted_algorithm
from launcher.smart.errors import SmartError

_SAMPLES = {"secret", "changeme", "change-me", "password", "client_secret", "test", "example", "xxx"}
_OLD_SECRET = timedelta(days=730)
_WITH_SECRET = {"client_secret_basic", "client_secret_post"}
_OTHER = {"client_secret_basic": "client_secret_post", "client_secret_post": "client_secret_basic"}


def _scopes(ehr: Ehr) -> Finding:
    supported = ehr.configuration.scopes_supported
    if not supported:
        return noted("The EHR does not list its scopes.")
    asked, offered = scopes.parse(ehr.asked), scopes.parse(" ".join(supported))
    missing = sorted(word for word in asked.others if word not in offered.others)
    types = sorted({each.resource for each in asked.resources if not offered.allows(each.resource, "s")})
    if not missing and not types:
        return passed(f"All that is asked for is listed: {ehr.asked}.")
    panels = dict.fromkeys(need.label for need in needs.all_needs() if need.resource in types)
    evidence = f"Not listed: {named([*missing, *types])}."
    if panels:
        evidence += f" Panels without data then: {named(panels)}."
    return warned(evidence, "Scopes: take out what the EHR does not have, or ask the vendor to enable it.")


def _method(ehr: Ehr) -> Finding:
    config = ehr.configuration
    method, offered = choose_method(ehr.client, config), config.token_endpoint_auth_methods_supported
    if not offered:
        return noted(f"The EHR lists no methods; {method} is used.")
    if method == "none":
        if "none" in offered or "client-public" in config.capabilities:
            return passed("A public client, which the EHR takes.")
        return failed(
            f"No secret and no key is used; the EHR lists {_known(offered)}.",
            "Client secret: enter the vendor's; or choose private_key_jwt as token authentication.",
        )
    if method not in offered:
        better = next((each for each in METHODS if each in offered), "one that both sides know")
        return failed(
            f"{method} is used; the EHR lists {_known(offered)}.", f"Token authentication: change it to {better}."
        )
    if algorithm := unlisted_algorithm(ehr.client, config):
        return warned(
            f"{method} is used with {algorithm}, which is not among the EHR's algorithms.",
            "Signing algorithm (signing_algorithm): make and choose a key of one that the EHR lists.",
        )
    return passed(f"{method} is used, and listed.")


def _known(offered: tuple[str, ...]) -> str:
    return named(each for each in METHODS if each in offered) or "none that we know"


def _client_id(ehr: Ehr) -> Finding:
    """A sign-in page or a redirect to one is a yes; a page is told apart by its words (`first_page`)."""
    if ehr.facts.registration.authorize_method == "post":
        return skipped("The authorization request goes by POST; only a person's browser can try that.")
    minutes = ehr.facts.preset.propagation_minutes if ehr.facts.preset else 0
    wait = f" Changes at this vendor can take {minutes} minutes." if minutes else ""
    remedy = f"Client ID (client_id): compare it with the vendor's portal.{wait}"
    try:
        verdict = first_page.read(ehr.first_page, redirect_uri=ehr.client.redirect_uri)
    except SmartError as error:
        if error.code == "ehr_unreachable":
            return failed(
                f"The authorization endpoint does not answer ({error_in_words(error)}).",
                "Authorization endpoint: ask the vendor whether its sign-in is up, and open the firewall to it.",
            )
        return warned(f"The answer cannot be read ({error_in_words(error)}).", remedy)
    match verdict.about:
        case "client":
            return failed(verdict.evidence, remedy)
        case "refused":
            return failed(verdict.evidence, f"{remedy} Then compare the redirect URI, and the scopes.")
        case "unclear":
            return warned(verdict.evidence, f"{remedy} Then try a launch.")
        case "scope":
            return warned(verdict.evidence, "Scopes: ask for less, or ask the vendor to enable them for this client.")
    return passed(verdict.evidence)


def _redirect_uri(ehr: Ehr) -> Finding:
    verdict = first_page.read(ehr.first_page, redirect_uri=ehr.client.redirect_uri)
    ours = ehr.client.redirect_uri
    if verdict.about == "redirect":
        return failed(
            verdict.evidence,
            f"Redirect URI: register {ours} with the vendor; copy it and compare letter by letter.",
        )
    if verdict.about == "unclear" and not verdict.came_back:
        return warned(verdict.evidence, f"Redirect URI: compare {ours} with the vendor's portal, letter by letter.")
    return passed(f"{ours} was not objected to.")


def _secret_tried(ehr: Ehr) -> Finding:
    """Redeem a code that cannot exist: `invalid_grant` means that the client itself was accepted (RFC 6749, 5.2)."""
    config = ehr.configuration
    method = choose_method(ehr.client, config)
    form = [
        ("grant_type", "authorization_code"),
        ("code", f"connection-check-{new_state()}"),
        ("redirect_uri", ehr.client.redirect_uri),
        *([("code_verifier", new_state())] if ehr.client.quirks.pkce else []),
    ]
    url = config.token_endpoint
    try:
        answer = back_channel.post(ehr.door, ehr.client, config, url=url, form=form, seconds=ehr.limits.page)
        back_channel.judged(answer, url=url, bad_grant="code_rejected")
    except SmartError as error:
        return _judged(error, method)
    return warned(
        "The token endpoint took a code that cannot exist.",
        "Token endpoint: tell the vendor; a server that takes any code protects nobody.",
    )


def _judged(error: SmartError, method: str) -> Finding:
    words = f"{'As a public client' if method == 'none' else f'With {method}'}: {error_in_words(error)}."
    match error.code:
        case "code_rejected":
            return passed("The client was accepted, and the made-up code refused, as it should be.")
        case "client_rejected" if method in _OTHER:
            return failed(
                words,
                "Client secret: it is wrong, has expired or has a space in it; or token authentication should be "
                f"{_OTHER[method]}.",
            )
        case "client_rejected" if method == "private_key_jwt":
            return failed(
                words,
                "JWKS address: give it to the vendor for this client ID, and compare the signing algorithm and the "
                "token authentication.",
            )
        case "client_rejected":
            return failed(
                words,
                "Client secret: enter the vendor's, if the client is confidential there; else compare the client ID.",
            )
        case "ehr_unreachable" | "ehr_address_forbidden":
            return failed(words, "Token endpoint: open the firewall to it, or ask the vendor whether it is up.")
        case "ehr_busy":
            return warned(words, "Token endpoint: try again in a while.")
        case "unavailable":
            return failed(words, "Signing keys: the active key cannot be read; make a new one.")
    return warned(words, "Token endpoint: this says nothing about the secret; try a launch.")


def _secret_kept(ehr: Ehr) -> Finding:
    facts, secret = ehr.facts, ehr.client.client_secret.reveal()
    method = ehr.client.auth_method
    if facts.secret_problem:
        return failed(
            f"The secret cannot be read: {facts.secret_problem}.",
            "Secret from (secret_from): set that variable or file on this server, or store the secret here.",
        )
    if not secret:
        if method in _WITH_SECRET:
            return failed(f"{method} needs a secret, and there is none.", "Client secret: enter the vendor's.")
        return noted("This registration uses no secret.")
    if secret.casefold() in _SAMPLES or secret == ehr.client.client_id:
        return failed(
            "The secret is a sample value or the client ID.", "Client secret: replace it by the one from the vendor."
        )
    if secret != secret.strip():
        return failed("The secret begins or ends with a space.", "Client secret: enter it again without the space.")
    saved = facts.registration.secret_saved_at
    if not facts.registration.secret_from and saved is not None and facts.now - saved > _OLD_SECRET:
        return warned(
            f"The secret was saved on {saved:%Y-%m-%d}.",
            "Client secret: ask the vendor for a new one; vendors let secrets expire.",
        )
    return passed("There is a secret, and it is no sample value.")


def _signing_key(ehr: Ehr) -> Finding:
    client, config = ehr.client, ehr.usable
    method = choose_method(client, config) if config else client.auth_method
    if method != "private_key_jwt":
        return noted("This registration does not sign.")
    key = choose_key(client, config) if config else client.signing_key
    if key is None:
        wanted = ehr.facts.registration.signing_algorithm
        return failed(
            f"No {wanted} key is active.",
            f"Signing keys: make one (`manage.py new_signing_key --algorithm {wanted}`).",
        )
    if key.kid not in ehr.facts.key_ids:
        return failed(
            f"The key {key.kid} signs but is not published.", "Signing keys: retire this key and make a new one."
        )
    if config and (algorithm := unlisted_algorithm(client, config)):
        return warned(
            f"The key {key.kid} ({algorithm}) is active, but the EHR does not list {algorithm}.",
            "Signing keys: make one of an algorithm that the EHR lists.",
        )
    return passed(f"The key {key.kid} ({key.algorithm}) is active and published.")


CHECKS = (
    check(17, "Scopes are known to the EHR", "scopes_supported", _scopes, may="pass warn info", needs=(12, 13)),
    check(
        18,
        "Token authentication is one the EHR takes",
        "the SMART configuration",
        _method,
        may="pass warn fail info",
        needs=(12, 13),
    ),
    check(
        19,
        "Client ID is accepted",
        "an authorization request without a person",
        _client_id,
        may="pass warn fail",
        needs=(12, 13),
        noisy=True,
    ),
    check(
        20,
        "Redirect URI is accepted",
        "the same authorization request",
        _redirect_uri,
        may="pass warn fail",
        needs=(19,),
        noisy=True,
    ),
    check(
        21,
        "Secret or signature is accepted",
        "the token endpoint, with a made-up code; may be inconclusive",
        _secret_tried,
        may="pass warn fail",
        needs=(12, 13, 22),
        noisy=True,
    ),
    check(22, "Client secret is in order", "what is stored", _secret_kept, may="pass warn fail info"),
    check(23, "Signing key is active", "our keys", _signing_key, may="pass warn fail info"),
)
