"""What a check may say, and what a check is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from launcher.probe.ehr import Ehr

Status = Literal["pass", "warn", "fail", "skipped", "info"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One check's word: `evidence` is what was seen, `remedy` names the thing to change, "" where nothing is to do."""

    status: Status
    evidence: str
    remedy: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One question about a connection.

    `tested` says what is looked at, `may` which answers there are besides "skipped", which every check gives when one
    of `needs` (ids) failed or was skipped. `noisy` ones leave traces at the vendor and are no part of the daily run.
    """

    id: str
    title: str
    tested: str
    look: Callable[[Ehr], Finding]
    may: frozenset[Status]
    needs: tuple[str, ...] = ()
    noisy: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """The outcome of one check, ready to be shown: free of secrets and of text that the EHR sent."""

    id: str
    title: str
    status: Status
    evidence: str
    remedy: str = ""
    tested: str = field(default="", compare=False)

    def to_json(self) -> dict[str, str]:
        """The members that `docs/contract.md` promises."""
        return {
            "id": self.id,
            "status": self.status,
            "title": self.title,
            "evidence": self.evidence,
            "remedy": self.remedy,
        }


def passed(evidence: str) -> Finding:
    return Finding("pass", evidence)


def warned(evidence: str, remedy: str) -> Finding:
    return Finding("warn", evidence, remedy)


def failed(evidence: str, remedy: str) -> Finding:
    return Finding("fail", evidence, remedy)


def noted(evidence: str) -> Finding:
    return Finding("info", evidence)


def skipped(why: str) -> Finding:
    return Finding("skipped", why)


_STATUSES: dict[str, Status] = {"pass": "pass", "warn": "warn", "fail": "fail", "info": "info"}


def check(
    number: int,
    title: str,
    tested: str,
    look: Callable[[Ehr], Finding],
    *,
    may: str,
    needs: tuple[int, ...] = (),
    noisy: bool = False,
) -> Check:
    """One row of a table of checks; `may` is written "pass warn", `needs` are numbers."""
    return Check(
        id=check_id(number),
        title=title,
        tested=tested,
        look=look,
        may=frozenset(_STATUSES[word] for word in may.split()),
        needs=tuple(map(check_id, needs)),
        noisy=noisy,
    )


def check_id(number: int) -> str:
    return f"SP-CHK-{number:02}"
