"""Reads what the records of a page refer to: each target once, side by side, and no more than a page can bear."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

from launcher.smart.fhir import FhirClient, FhirError, SearchResult
from patients.panels import Reference, Resource

TARGETS_MOST = 50
"""How many targets are read for one page; the records beyond say what they refer to."""

AT_ONCE = 4
"""How many of them are read at the same time, over all searches of the page."""


@dataclass(slots=True)
class ReferenceReader:
    """The targets of one page, shared by its searches. Every read ends by the client's own deadlines."""

    client: FhirClient
    _reads: dict[str, Future[Resource | None]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _slots: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(AT_ONCE))

    def known_to(self, found: SearchResult, *, reference: Reference, resource_type: str) -> dict[str, Resource]:
        """Targets by reference as sent: what came along with the search, and what can be read below the FHIR base.

        What cannot be read is left out. A target is never looked for on another server.
        """
        wanted = {target for resource in found.resources if (target := reference(resource))}
        known: dict[str, Resource] = {}
        waiting: dict[str, Future[Resource | None]] = {}
        with ThreadPoolExecutor(max_workers=AT_ONCE, thread_name_prefix="reference") as executor:
            for target in sorted(wanted):
                resource_id = self.client.local_id(target, resource_type)
                came_along = found.included.get(target) or found.included.get(f"{resource_type}/{resource_id}")
                if came_along is not None:
                    known[target] = came_along
                elif resource_id and (read := self._read(executor, resource_type, resource_id)):
                    waiting[target] = read
        for target, read in waiting.items():
            if (resource := read.result()) is not None:
                known[target] = resource
        return known

    def _read(
        self, executor: ThreadPoolExecutor, resource_type: str, resource_id: str
    ) -> Future[Resource | None] | None:
        """The read under way for this target; started if it is new and the page can bear one more."""
        name = f"{resource_type}/{resource_id}"
        with self._lock:
            if name not in self._reads and len(self._reads) < TARGETS_MOST:
                self._reads[name] = executor.submit(self._resource, resource_type, resource_id)
            return self._reads.get(name)

    def _resource(self, resource_type: str, resource_id: str) -> Resource | None:
        """The resource with exactly this type and id."""
        try:
            with self._slots:
                body: Mapping[str, object] = self.client.read(resource_type, resource_id)
        except FhirError:
            return None
        return body if body.get("resourceType") == resource_type and body.get("id") == resource_id else None
