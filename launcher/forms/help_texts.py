"""What stands beside the fields of the registration form: labels and help, in plain words."""

from __future__ import annotations

from typing import Final

LABELS: Final = {
    "vendor": "Preset",
    "iss": "Issuer (iss)",
    "auth_method": "Token auth method",
    "signing_algorithm": "Signing key",
    "redirect_uri": "Redirect URI override",
    "frame_ancestors": "May embed us (frame-ancestors)",
    "mrn_system": "MRN system",
    "test_patients": "Test patient ids",
    "quirk_overrides": "Quirks",
    "stale_minutes": "Stale after (minutes)",
}

HELP: Final = {
    "vendor": "Fills in what we know about this EHR. You can change every field afterwards.",
    "name": "What staff see, for example “Records 17.1 – Main Clinic”.",
    "slug": "Part of the launch URL. Cannot be changed after the EHR has been registered with the vendor.",
    "environment": "Anything but Production shows a TEST DATA strip.",
    "enabled": "Off: launches are refused with a message to staff. Nothing is deleted.",
    "iss": "FHIR base URL exactly as the EHR sends it in “iss”. Trailing slash does not matter. "
    "Example https://ehr.example.org/FHIR",
    "fhir_version": "Detect reads it from /metadata.",
    "client_id": "Given by the vendor. Not secret.",
    "new_secret": "Write-only. Sent only to the token endpoint from this server, never through the browser. "
    "Leave empty to keep the saved one.",
    "secret_expires_on": "Optional. We warn 30, 14 and 3 days before.",
    "secret_from": "Instead of a stored secret: env:NAME of an environment variable, or file:/path of a file, on this "
    "server.",
    "auth_method": "Automatic tries what the server advertises. Must match what you chose in the vendor's portal: "
    "None is for public clients, the two with a secret for confidential ones, private_key_jwt for those with a key.",
    "signing_algorithm": "Key pair used for private_key_jwt. Public half is at the JWKS URL.",
    "redirect_uri": "Only for a proxy that changes the public address. Left empty: the redirect address above.",
    "scopes": "Ask for the least that your panels need: “patient/{panels}” or “user/{panels}” becomes exactly what "
    "they read, and “launch” gives the patient of an EHR launch.",
    "authorization_endpoint": "Only when discovery is wrong.",
    "token_endpoint": "Only when discovery is wrong.",
    "jwks_uri": "Only when discovery is wrong.",
    "approved_origins": "Origins besides that of the issuer where endpoints and keys may lie, one per line.",
    "frame_ancestors": "Web addresses of the EHR pages that show this app in a frame, one per line. Desktop EHRs: "
    "leave empty.",
    "allowed_networks": "Narrows the installation's allowed networks, one CIDR per line. Empty: all of those.",
    "id_token_algorithms": "One per line. RS256 is what EHRs must support.",
    "panels": "One per line, in the order in which they are shown. Empty: all, in the usual order.",
    "quirk_overrides": "What this EHR does otherwise than its preset says, one name=value per line.",
    "time_zone": "Used for ages and times on the chart. Empty: UTC.",
    "mrn_system": "Which identifier is the MRN, by its system. Empty: the one that the EHR marks so.",
    "page_size": "How many records are asked for at once, 10 to 500. Empty: the EHR decides.",
    "stale_minutes": "When a chart says that it was read some time ago, 1 to 240. Empty: the installation's value.",
    "test_patients": "For “Test launch”, one launch handle per line. Sandbox only – never real patients.",
    "owner": "Who answers for this connection here. Shown on error pages to admins only.",
    "vendor_contact": "Whom to ask at the vendor. Shown on error pages to admins only.",
    "notes": "Shown on error pages to admins only.",
}

TOLD_VENDOR = "I have told the vendor"
CONFIRMED = "I have checked this with the vendor: save it all the same"

OPEN_SECTIONS: Final = (
    ("Identity", ("vendor", "name", "slug", "site", "environment", "enabled")),
    ("Address", ("iss", "fhir_version", "launch_modes")),
    ("Credentials", ("client_id", "new_secret", "secret_expires_on", "auth_method", "scopes")),
)
FOLDED_SECTIONS: Final = (
    (
        "Advanced: chart",
        (
            "panels",
            "time_zone",
            "mrn_system",
            "page_size",
            "stale_minutes",
            "style_policy",
            "trust_ehr_banner",
            "frame_ancestors",
        ),
    ),
    (
        "Advanced: connection",
        (
            "redirect_uri",
            "secret_from",
            "signing_algorithm",
            "basic_raw",
            "quirk_overrides",
            "authorize_method",
            "scope_version",
            "send_pkce",
            "send_nonce",
            "introspect_after_minutes",
            "require_identity",
            "oidc_issuer",
            "id_token_algorithms",
            "iss_is_prefix",
            "approved_origins",
            "allowed_networks",
            "authorization_endpoint",
            "token_endpoint",
            "jwks_uri",
        ),
    ),
    ("Advanced: people and tests", ("test_patients", "owner", "vendor_contact", "notes")),
)
FIELDS: Final = [name for _, names in (*OPEN_SECTIONS, *FOLDED_SECTIONS) for name in names if name != "new_secret"]
SECRET_FIELDS: Final = frozenset({"new_secret", "secret_from", "secret_expires_on"})
