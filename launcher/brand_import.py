"""Takes in bundles of User-access Brands: from a file, from an address, and from what registered EHRs themselves name.

SMART App Launch 2.2, "User-access Brands and Endpoints". A bundle is kept by its address with its ETag, so that one
that has not changed is not sent again; what an EHR's own SMART configuration names goes before a vendor's bundle.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection
from dataclasses import dataclass

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from launcher import audit, conf
from launcher.discovery import configuration_of, door_for
from launcher.models import Brand, BrandEndpoint, BrandSource, EhrRegistration
from launcher.smart.brands import BrandEntry, Directory, read_bundle
from launcher.smart.errors import SmartError
from launcher.smart.http import Door
from launcher.smart.origins import origin_of
from launcher.smart.strict_json import JsonError, parse

MOST_BYTES = 32 * 1024 * 1024
"""Bundles carry their logos along; those of the largest vendors have thousands of organizations."""

SECONDS = 60.0
_BATCH = 500
_ETAG = re.compile(r'(?:W/)?"[\x21\x23-\x7e]{0,190}"')


class BrandError(Exception):
    """Why a bundle cannot be taken in, in one sentence for whoever asked for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What came of one bundle: how many organizations are known from it now, and how many were passed over."""

    address: str
    brands: int
    passed_over: int = 0
    changed: bool = True


def import_file(name: str, body: bytes) -> Imported:
    """Take in a bundle that lies in a file; it replaces what a file of this name held before. Raises BrandError."""
    return _kept(name, body, etag="")


def import_address(address: str, *, door: Door | None = None) -> Imported:
    """Fetch a bundle, unless its ETag says that it is the one we have. Raises BrandError.

    `door` is the way out for an address that an EHR named; without one the address is an administrator's own word.
    """
    door = door or _door_to(address)
    known = BrandSource.objects.filter(address=address).first()
    etag = known.etag if known else ""
    try:
        answer = door.get(
            address,
            accept="application/fhir+json, application/json;q=0.9",
            max_bytes=MOST_BYTES,
            failure="discovery_failed",
            seconds=SECONDS,
            etag=etag,
        )
    except SmartError as error:
        raise BrandError(f"{address} could not be read: {error.description}.") from error
    if known is not None and etag and answer.status == 304:
        BrandSource.objects.filter(pk=known.pk).update(fetched_at=timezone.now())
        return Imported(address=address, brands=known.brands.count(), changed=False)
    if answer.status != 200:
        raise BrandError(f"{address} answered with status {answer.status}.")
    told = answer.headers.get("etag", "")
    return _kept(address, answer.body, etag=told if _ETAG.fullmatch(told) else "")


def _door_to(address: str) -> Door:
    """To the origin that was written down and to no other; plain http only within the allowed networks."""
    try:
        origin = str(origin_of(address))
    except ValueError as error:
        raise BrandError(f"{address} is neither a file nor a plain web address ({error}).") from None
    return Door(fhir_base=origin, networks=conf.allowed_networks(), ca_bundle=settings.SMARTPORTAL_CA_BUNDLE)


def _kept(address: str, body: bytes, *, etag: str) -> Imported:
    digest = hashlib.sha256(body).hexdigest()
    known = BrandSource.objects.filter(address=address, sha256=digest).first()
    if known is not None:
        BrandSource.objects.filter(pk=known.pk).update(etag=etag, fetched_at=timezone.now())
        return Imported(address=address, brands=known.brands.count(), changed=False)
    try:
        directory = read_bundle(parse(body))
    except JsonError as error:
        raise BrandError(f"{address} is not acceptable JSON ({error.reason}).") from error
    except ValueError as error:
        raise BrandError(f"{address} is {error}.") from error
    _replace(address, directory, etag=etag, digest=digest)
    return Imported(address=address, brands=len(directory.brands), passed_over=directory.passed_over)


def _replace(address: str, directory: Directory, *, etag: str, digest: str) -> None:
    """All of a bundle or nothing of it; the event says which."""
    values = {"etag": etag, "sha256": digest, "timestamp": directory.timestamp, "fetched_at": timezone.now()}
    with transaction.atomic():
        source, _ = BrandSource.objects.update_or_create(address=address, defaults=values)
        BrandEndpoint.objects.filter(brand__source=source).delete()
        Brand.objects.filter(source=source).delete()
        brands = Brand.objects.bulk_create((_row(source, entry) for entry in directory.brands), batch_size=_BATCH)
        endpoints = (
            BrandEndpoint(brand=brand, address=each.address, key=each.key, fhir_versions=list(each.fhir_versions))
            for brand, entry in zip(brands, directory.brands, strict=True)
            for each in entry.endpoints
        )
        BrandEndpoint.objects.bulk_create(endpoints, batch_size=_BATCH)
        detail: dict[str, str | int] = {"source": address[:300], "brands": len(brands), "sha256": digest}
        audit.write("brands.imported", audit.Subject(actor="command"), audit.Facts(detail=detail))


def _row(source: BrandSource, entry: BrandEntry) -> Brand:
    return Brand(
        source=source,
        name=entry.name,
        aliases=list(entry.aliases),
        places=list(entry.places),
        identifiers=list(entry.identifiers),
        above=list(entry.above),
        words=entry.words,
    )


def registered_in(address: str) -> list[EhrRegistration]:
    """The enabled registrations, of all sites, whose FHIR base is in the bundle that was read from there."""
    keys = BrandEndpoint.objects.filter(brand__source__address=address).values("key")
    found = EhrRegistration.objects.filter(enabled=True, iss_key__in=keys)
    return list(found.select_related("site").order_by("site_id", "slug"))


def import_own(registration: EhrRegistration, *, known: Collection[str] = ()) -> Imported | None:
    """Take in the bundle that an EHR's own SMART configuration names, and note that this EHR's brands are in it.

    None when it names none, or one of the `known` addresses, which were read just now. An EHR that names none has its
    brands wherever they are found. Raises BrandError, and then what was noted before stays.
    """
    client = registration.as_client()
    door = door_for(client)
    try:
        config = configuration_of(registration, client, door)
    except SmartError as error:
        raise BrandError(f"{registration.slug} did not say whether it has brands of its own: {error}.") from error
    address = config.user_access_brand_bundle
    imported = None
    if address and address not in known:
        imported = import_address(address, door=_door_for_own(registration, door, address))
    identifier = config.user_access_brand_identifier if address else ""
    EhrRegistration.objects.filter(pk=registration.pk).update(brand_bundle=address, brand_identifier=identifier)
    return imported


def _door_for_own(registration: EhrRegistration, door: Door, address: str) -> Door | None:
    """An EHR's word leads to approved origins only; where an administrator has been before, theirs counts (None)."""
    if door.approves(address):
        return door
    if BrandSource.objects.filter(address=address).exists():
        return None
    raise BrandError(
        f"{registration.slug} names its brands at {address}: add that origin to the registration's approved origins, "
        "or import the address itself first."
    )
