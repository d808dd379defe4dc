"""What a panel shows and which state it is in, from what its queries brought: judged here and nowhere else."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from patients import vocabulary
from patients.panels import ChartContext, Counts, Fetched, Notice, Panel, PanelContent, PanelResult, PanelState


def judge(fetched: Sequence[Fetched], content: PanelContent | None) -> PanelState:
    """The state of a panel; the order is the contract's (section 3).

    `content` is None when no query succeeded, and for a panel that has no queries for the EHR's version.
    """
    outcomes = {each.outcome for each in fetched if not _needless(each)}
    if content is None:
        if outcomes & {"failed", "busy", "late"}:
            return PanelState.FAILED
        return PanelState.FORBIDDEN if "forbidden" in outcomes else PanelState.UNSUPPORTED
    if (
        outcomes - {"ok"}
        or content.unreadable
        or any(each.withheld or each.unreadable or each.warned or each.short for each in fetched)
    ):
        return PanelState.PARTIAL
    if any(each.truncated for each in fetched):
        return PanelState.TRUNCATED
    if content.explicit_none:
        return PanelState.EXPLICIT_NONE
    return PanelState.READY if content.shown else PanelState.EMPTY


def assemble(panel: Panel, context: ChartContext, fetched: Sequence[Fetched]) -> PanelResult:
    """Build a panel from what its queries brought. Raises whatever the panel's own `build` raises."""
    if context.version not in panel.queries:
        fetched = ()
    content = _content(panel, context, fetched)
    state = judge(fetched, content)
    if content is None:
        return _without_rows(panel, context, state, fetched)
    counts = Counts(
        shown=content.shown,
        withheld=sum(each.withheld for each in fetched),
        unreadable=sum(each.unreadable for each in fetched) + content.unreadable,
        entered_in_error=content.entered_in_error,
    )
    return PanelResult(
        slug=panel.slug,
        state=state,
        as_of=context.at,
        content=content.data if content.shown or content.explicit_none else None,
        summary=content.summary if content.shown else "",
        notices=(*_notices(fetched, counts), *content.notices),
        body="" if content.shown or content.explicit_none else _no_rows(panel, state, counts),
        counts=counts,
        retry=any(each.outcome in {"failed", "busy", "late"} for each in fetched),
        rest=any(each.truncated in {"entries", "pages", "deadline"} for each in fetched),
    )


def _content(panel: Panel, context: ChartContext, fetched: Sequence[Fetched]) -> PanelContent | None:
    """What there is to show; None without any answer, and when one is out of time (contract, section 8, ruling 11)."""
    outcomes = {each.outcome for each in fetched}
    if context.version not in panel.queries or "late" in outcomes or (outcomes and "ok" not in outcomes):
        return None
    return panel.build(context, [each for each in fetched if each.outcome == "ok"])


def failed(panel: Panel, at: datetime, *, detail: str = "") -> PanelResult:
    """The panel of which nothing can be shown, for whatever reason."""
    notice = Notice(vocabulary.sentence(vocabulary.FAILED, things=panel.things), detail, tone="bad", alert=True)
    return PanelResult(slug=panel.slug, state=PanelState.FAILED, as_of=at, notices=(notice,), retry=True)


def _needless(fetched: Fetched) -> bool:
    return fetched.query.optional and fetched.outcome == "unsupported"


def _without_rows(panel: Panel, context: ChartContext, state: PanelState, fetched: Sequence[Fetched]) -> PanelResult:
    if state is PanelState.FAILED:
        outcomes = {each.outcome for each in fetched}
        cause = vocabulary.LATE if "late" in outcomes else vocabulary.BUSY if "busy" in outcomes else ""
        return failed(panel, context.at, detail=str(cause))
    words = vocabulary.FORBIDDEN if state is PanelState.FORBIDDEN else vocabulary.UNSUPPORTED
    notice = Notice(vocabulary.sentence(words, things=panel.things), tone="info")
    return PanelResult(slug=panel.slug, state=state, as_of=context.at, notices=(notice,))


def _no_rows(panel: Panel, state: PanelState, counts: Counts) -> str:
    """What stands in place of rows. Only an EHR that really returned nothing is said to have returned nothing."""
    nothing_came = state is PanelState.EMPTY and not counts.entered_in_error
    words = vocabulary.EMPTY if nothing_came else vocabulary.NOTHING_SHOWN
    return vocabulary.sentence(words, things=panel.things)


def _notices(fetched: Sequence[Fetched], counts: Counts) -> Iterator[Notice]:
    for each in fetched:
        things = each.query.things
        match each.outcome:
            case "failed" | "busy" | "late":
                cause = str(vocabulary.BUSY) if each.outcome == "busy" else ""
                yield Notice(vocabulary.sentence(vocabulary.FAILED, things=things), cause, tone="bad", alert=True)
            case "forbidden":
                yield Notice(vocabulary.sentence(vocabulary.FORBIDDEN, things=things), tone="info")
            case "unsupported":
                yield Notice(vocabulary.sentence(vocabulary.UNSUPPORTED_PART, things=things), tone="info")
        if each.truncated or each.short:
            yield _truncation(each)
    if any(each.warned for each in fetched):
        yield Notice(str(vocabulary.WITHHELD_BY_EHR))
    if counts.withheld:
        yield Notice(vocabulary.withheld(counts.withheld))
    if counts.unreadable:
        yield Notice(vocabulary.unreadable(counts.unreadable))
    if counts.entered_in_error:
        yield Notice(vocabulary.entered_in_error(counts.entered_in_error), tone="quiet")


def _truncation(fetched: Fetched) -> Notice:
    came = len(fetched.resources) + fetched.withheld + fetched.unreadable
    words = vocabulary.FIRST_OF if (fetched.total or 0) > came else vocabulary.FIRST
    detail = vocabulary.sentence(words, shown=came, total=fetched.total, things=fetched.query.things)
    return Notice(str(vocabulary.INCOMPLETE), detail)
