"""This app as registered at one EHR, for one site."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.conf import settings
from django.contrib.sites.models import Site
from django.db import models

from launcher import conf, registration_rules, vendors
from launcher.fields import EncryptedField
from launcher.models.keys import SigningAlgorithm, SigningKey
from launcher.secret_sources import read_secret_source
from launcher.smart import origins
from launcher.smart.fhir_version import FhirVersion
from launcher.smart.quirks import STANDARD, Quirks, with_overrides
from launcher.smart.registration import ClientRegistration
from launcher.smart.secret import Secret


class RegistrationQuerySet(models.QuerySet["EhrRegistration"]):
    def for_site(self, site_id: int) -> RegistrationQuerySet:
        return self.filter(site_id=site_id)

    def for_iss(self, iss: str) -> list[EhrRegistration]:
        """The registrations for an `iss` as an EHR sent it: the equal ones, else those whose prefix it lies below."""
        found = list(self.with_iss(iss).select_related("site"))
        prefixes = [] if found else self.filter(iss_is_prefix=True).select_related("site")
        return found or [registration for registration in prefixes if registration.is_for(iss)]

    def with_iss(self, iss: str) -> RegistrationQuerySet:
        """Those whose issuer equals `iss` by parsed parts; none when `iss` is no FHIR base address at all."""
        key = registration_rules.iss_key(iss)
        return self.filter(iss_key=key) if key else self.none()


class EhrRegistration(models.Model):
    """This app as registered at one EHR, for one site. The field names are those of `docs/contract.md`, section 7."""

    class Environment(models.TextChoices):
        SANDBOX = "sandbox", "Sandbox"
        TEST = "test", "Test"
        PRODUCTION = "production", "Production"

    class AuthMethod(models.TextChoices):
        AUTO = "auto", "Automatic"
        NONE = "none", "None (public client)"
        BASIC = "client_secret_basic", "client_secret_basic"
        POST = "client_secret_post", "client_secret_post"
        PRIVATE_KEY_JWT = "private_key_jwt", "private_key_jwt"

    class AuthorizeMethod(models.TextChoices):
        AUTO = "auto", "Automatic"
        GET = "get", "GET (redirect)"
        POST = "post", "POST (form)"

    class ScopeVersion(models.TextChoices):
        AUTO = "auto", "Automatic"
        V1 = "v1", "Version 1 (.read)"
        V2 = "v2", "Version 2 (.rs)"
        GRANULAR = "granular", "Version 2, by category"

    class StylePolicy(models.TextChoices):
        OFF = "off", "Never"
        ASK = "ask", "When an administrator has approved it"
        ON = "on", "Always"

    class Version(models.TextChoices):
        AUTO = "auto", "Detect"
        DSTU2 = "DSTU2", "DSTU2"
        STU3 = "STU3", "STU3"
        R4 = "R4", "R4"
        R4B = "R4B", "R4B"
        R5 = "R5", "R5"

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    site = models.ForeignKey(Site, on_delete=models.PROTECT, related_name="ehr_registrations")
    slug = models.SlugField(max_length=60, help_text="Part of the launch address. Lower-case letters, digits, hyphens.")
    name = models.CharField(max_length=120, help_text="What staff see, for example “Main Clinic – EHR”.")
    vendor = models.CharField("preset", max_length=80, blank=True, help_text="Where the first values came from.")
    environment = models.CharField(
        max_length=12,
        choices=Environment.choices,
        default=Environment.SANDBOX,
        help_text="Anything but Production shows a TEST DATA strip on the chart.",
    )
    enabled = models.BooleanField(
        default=True, help_text="Off: launches are refused with a message to staff. Nothing is deleted."
    )
    iss = models.CharField(
        "issuer (iss)",
        max_length=2000,
        help_text="FHIR base address as the EHR sends it in iss, for example https://ehr.example.org/fhir. "
        "A slash at the end does not matter.",
    )
    iss_key = models.CharField(max_length=2000, editable=False, blank=True, db_index=True)
    client_id = models.CharField("client ID", max_length=500, help_text="Given by the vendor. Not secret.")
    client_secret = EncryptedField(context="ehr-registration.client-secret", bound_to="uuid")
    secret_saved_at = models.DateTimeField(null=True, blank=True, editable=False)
    previous_secret = EncryptedField(context="ehr-registration.previous-secret", bound_to="uuid")
    previous_secret_until = models.DateTimeField(null=True, blank=True, editable=False)
    secret_expires_on = models.DateField(
        null=True, blank=True, help_text="Optional. We warn 30, 14 and 3 days before, and from then on."
    )
    secret_from = models.CharField(
        "secret from",
        max_length=500,
        blank=True,
        help_text="Instead of a stored secret: env:NAME of an environment variable, or file:/path of a file.",
    )
    redirect_uri = models.CharField(
        "redirect URI",
        max_length=2000,
        blank=True,
        help_text="Register this exact text with the vendor. Left empty: this site's /callback/<slug>.",
    )
    scopes = models.TextField(
        default="launch openid fhirUser patient/{panels}",
        help_text="What is asked for, separated by spaces. “launch” gives the patient of an EHR launch; "
        "“patient/{panels}” or “user/{panels}” becomes exactly what the chart's panels read.",
    )
    auth_method = models.CharField(
        "token authentication", max_length=24, choices=AuthMethod.choices, default=AuthMethod.AUTO
    )
    basic_raw = models.BooleanField(
        "Basic without encoding",
        default=False,
        help_text="Some EHRs want client ID and secret in the Basic header as they are, not form-encoded.",
    )
    signing_algorithm = models.CharField(
        max_length=5,
        choices=SigningAlgorithm.choices,
        default=SigningAlgorithm.RS384,
        help_text="For private_key_jwt.",
    )
    authorize_method = models.CharField(
        "authorization request",
        max_length=4,
        choices=AuthorizeMethod.choices,
        default=AuthorizeMethod.AUTO,
        help_text="Automatic uses POST where the EHR takes it and the address would be too long.",
    )
    scope_version = models.CharField(
        max_length=8,
        choices=ScopeVersion.choices,
        default=ScopeVersion.AUTO,
        help_text="How resource scopes are written; the two are never mixed.",
    )
    authorization_endpoint = models.CharField(
        max_length=2000, blank=True, help_text="Only when the EHR's own documents are wrong."
    )
    token_endpoint = models.CharField(
        max_length=2000, blank=True, help_text="Only when the EHR's own documents are wrong."
    )
    jwks_uri = models.CharField(
        "JWKS address", max_length=2000, blank=True, help_text="Only when the EHR's own documents are wrong."
    )
    iss_is_prefix = models.BooleanField(
        "issuer is a prefix",
        default=False,
        help_text="For test launchers that put each test into the issuer. Refused for Production.",
    )
    id_token_algorithms = models.JSONField(
        "id_token algorithms",
        default=registration_rules.default_id_token_algorithms,
        blank=True,
        help_text="Signatures that are accepted. RS256 is what EHRs must support.",
    )
    fhir_version = models.CharField(
        "FHIR version",
        max_length=6,
        choices=Version.choices,
        default=Version.AUTO,
        help_text="Detect reads it from the EHR's /metadata.",
    )
    launch_modes = models.JSONField(default=registration_rules.default_launch_modes, blank=True)
    oidc_issuer = models.CharField(
        "OpenID issuer", max_length=2000, blank=True, help_text="Only if it must be one certain issuer."
    )
    require_identity = models.BooleanField(
        default=False, help_text="Refuse a launch in which the EHR does not say who signed in."
    )
    approved_origins = models.JSONField(
        default=list, blank=True, help_text="Origins besides that of the issuer where endpoints and keys may lie."
    )
    frame_ancestors = models.JSONField(
        "may show us in a frame", default=list, blank=True, help_text="Origins of the EHR's pages that frame this app."
    )
    allowed_networks = models.JSONField(
        default=list, blank=True, help_text="Narrows the installation's allowed networks. Empty: all of those."
    )
    send_pkce = models.BooleanField(
        "send PKCE", default=True, help_text="Switching this off is unsafe; only a superuser can."
    )
    style_policy = models.CharField(
        "EHR's own look",
        max_length=4,
        choices=StylePolicy.choices,
        default=StylePolicy.ASK,
        help_text="Whether colors and fonts that the EHR sends at launch are used. "
        "The patient banner and all warnings keep ours.",
    )
    trust_ehr_banner = models.BooleanField(
        "trust the EHR's banner",
        default=False,
        help_text="In a frame whose EHR says that it shows who the patient is, ours is kept for screen readers and "
        "print only.",
    )
    panels = models.JSONField(
        default=list, blank=True, help_text="The chart's panels in their order. Empty: all, in the usual order."
    )
    send_nonce = models.BooleanField(
        "send nonce",
        default=True,
        help_text="Off only for an EHR that leaves the nonce out of its id_token: every sign-in would fail there.",
    )
    introspect_after_minutes = models.PositiveSmallIntegerField(
        "ask about the token after idle minutes",
        default=0,
        help_text="After so many minutes without a request the EHR is asked whether the token is still good and for "
        "the same patient, before anything is shown. 0: never. Needs an EHR that has an introspection endpoint.",
    )
    brand_bundle = models.CharField(max_length=2000, blank=True, editable=False)
    brand_identifier = models.CharField(max_length=500, blank=True, editable=False)
    time_zone = models.CharField(max_length=64, blank=True, help_text="For ages and times on the chart. Empty: UTC.")
    quirk_overrides = models.JSONField(
        "quirks", default=list, blank=True, help_text="What this EHR does otherwise than its preset says, name=value."
    )
    mrn_system = models.CharField(
        "MRN system",
        max_length=500,
        blank=True,
        help_text="Which identifier of a patient is the MRN, by its system. Empty: the one that the EHR marks so.",
    )
    page_size = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text="How many records are asked for at once, 10 to 500. Empty: the EHR decides."
    )
    stale_minutes = models.PositiveSmallIntegerField(
        "stale after minutes",
        null=True,
        blank=True,
        help_text="When a chart says that it was read some time ago, 1 to 240. Empty: the installation's value.",
    )
    test_patients = models.JSONField(
        default=list, blank=True, help_text="Launch handles for “Test launch”. Never real patients; not in Production."
    )
    owner = models.CharField(max_length=120, blank=True, help_text="Who answers for this connection here.")
    vendor_contact = models.CharField(max_length=300, blank=True, help_text="Shown to administrators only.")
    notes = models.TextField(blank=True, help_text="Shown to administrators only.")
    demo_patients = models.JSONField(default=list, blank=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = RegistrationQuerySet.as_manager()

    class Meta:
        verbose_name = "EHR registration"
        ordering: ClassVar = ["name"]
        permissions: ClassVar = [
            ("replace_secret", "Can replace the client secret of an EHR registration"),
            ("switch_ehrregistration", "Can switch an EHR registration on and off"),
            ("check_ehrregistration", "Can check the connection to an EHR"),
            ("test_launch", "Can launch with a test patient"),
            ("export_ehrregistration", "Can export EHR registrations"),
            ("end_sessions", "Can end all sessions of an EHR, a site or a person"),
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["site", "slug"], name="ehr_registration_slug_per_site"),
            models.UniqueConstraint(fields=["site", "iss_key", "client_id"], name="ehr_registration_client_per_site"),
        ]

    def __str__(self) -> str:
        return self.name

    def save(self, *args: object, **kwargs: object) -> None:
        self.iss_key = registration_rules.iss_key(self.iss)
        if not self.redirect_uri:
            self.redirect_uri = f"{self.origin}/callback/{self.slug}"
        super().save(*args, **kwargs)  # type: ignore[arg-type]  # Model.save's own signature

    def clean(self) -> None:
        self.iss_key = registration_rules.iss_key(self.iss)
        registration_rules.check(self)

    @property
    def origin(self) -> str:
        """The public origin of this registration's site: launch and redirect addresses lie below it."""
        return conf.base_url() if self.site_id == settings.SITE_ID else f"https://{self.site.domain}"

    @property
    def site_name(self) -> str:
        """The host name of this registration's site, as figures name it."""
        return conf.base_host() if self.site_id == settings.SITE_ID else self.site.domain

    @property
    def endpoint_overrides(self) -> dict[str, str]:
        """The endpoints that are used instead of the discovered ones."""
        named = {
            "authorization_endpoint": self.authorization_endpoint,
            "token_endpoint": self.token_endpoint,
            "jwks_uri": self.jwks_uri,
        }
        return {name: url for name, url in named.items() if url}

    def is_for(self, iss: str) -> bool:
        """Whether a launch from this FHIR base address is one of this registration's (compared as parsed parts)."""
        return origins.is_below(iss, self.iss) if self.iss_is_prefix else origins.same_base(iss, self.iss)

    def fhir_base_for(self, iss: str) -> str:
        """What is fetched for a launch: the registered text; below a prefix, what came, rebuilt from parsed parts."""
        return str(origins.parse_base(iss)) if self.iss_is_prefix else self.iss

    @property
    def quirks(self) -> Quirks:
        """Those of the preset, with what this registration bends itself in their place."""
        preset = vendors.get(self.vendor)
        return with_overrides(preset.quirks if preset else STANDARD, self.quirk_overrides)

    @property
    def secret(self) -> Secret:
        """The client secret in force, from the database or from where `secret_from` points."""
        return read_secret_source(self.secret_from) if self.secret_from else self.client_secret

    @property
    def signing_key(self) -> SigningKey | None:
        """The key that signs for this registration now; None without one, or where it is told to use no signature."""
        automatic = self.auth_method == self.AuthMethod.AUTO and not self.secret_from and not self.client_secret
        if self.auth_method != self.AuthMethod.PRIVATE_KEY_JWT and not automatic:
            # A client that was given a secret is registered at the EHR with it: a signature would be refused there.
            return None
        return SigningKey.objects.active(self.signing_algorithm).first()

    @property
    def other_signing_key(self) -> SigningKey | None:
        """The active key of the other algorithm, for an EHR that takes that one alone."""
        others = [name for name in SigningAlgorithm.values if name != self.signing_algorithm]
        return SigningKey.objects.active(others[0]).first()

    def as_client(self, *, secret: Secret | None = None, iss: str = "") -> ClientRegistration:
        """Plain data for the protocol layer. A launch under way passes the `secret` and the `iss` it began with."""
        preset = vendors.get(self.vendor)
        key = self.signing_key
        other = self.other_signing_key if key else None
        return ClientRegistration(
            iss=self.fhir_base_for(iss) if iss else self.iss,
            client_id=self.client_id,
            redirect_uri=self.redirect_uri,
            scopes=self.scopes,
            auth_method=self.auth_method,
            client_secret=self.secret if secret is None else secret,
            fhir_version=None if self.fhir_version == self.Version.AUTO else FhirVersion(self.fhir_version),
            oidc_issuer=self.oidc_issuer,
            require_identity=self.require_identity,
            approved_origins=(*self.approved_origins, *(preset.approved_origins if preset else ())),
            networks=registration_rules.narrowed_networks(tuple(self.allowed_networks)),
            ca_bundle=settings.SMARTPORTAL_CA_BUNDLE,
            quirks=registration_rules.with_pkce_switch(self.quirks, self.send_pkce),
            signing_key=key.pair if key else None,
            other_key=other.pair if other else None,
            basic_raw=self.basic_raw,
            site=self.site_name,
            slug=self.slug,
        )
