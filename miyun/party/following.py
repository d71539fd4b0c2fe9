"""Audiences of the answer store follow the segments that they are made of: what ends there ends here."""

from datetime import datetime

from miyun.answers.store import AnswerStore, Audience, Origin
from miyun.contract.model import Contract
from miyun.party.paging import paged
from miyun.party.segments import SegmentsClient
from miyun.party.session import Session
from miyun.segments.listing import Segment, SegmentFilter

_NAMES = 100


def follow_segments(session: Session, contract: Contract) -> None:
    """Take out the audiences whose segment is over or is not there any more; let the others end when it does.

    The zone's word shortens what is answered, and lengthens nothing.
    """
    store = AnswerStore(session.home)
    held = {audience: origin for audience, origin in _delivered(store) if origin.contract == contract.id}
    if not held:
        return
    segments = _segments(session, contract, sorted({origin.segment for origin in held.values()}))
    now, ends = session.now(), {}
    for audience, origin in held.items():
        delivery = session.deliveries.get(contract.id, origin.job)
        channel = None if delivery is None else delivery.order.channel
        ends[audience.file] = _end(audience, segments.get(origin.segment), channel, now)
    store.end(ends, now)


def forget_audiences(session: Session, contract: str) -> None:
    """A contract is over: nobody is told anything any more of audiences that it permitted."""
    store, now = AnswerStore(session.home), session.now()
    store.end({audience.file: now for audience, origin in _delivered(store) if origin.contract == contract}, now)


def _delivered(store: AnswerStore) -> list[tuple[Audience, Origin]]:
    return [(one, one.origin) for one in store.listed().audiences if one.origin is not None]


def _segments(session: Session, contract: Contract, names: list[str]) -> dict[str, Segment]:
    client, found = SegmentsClient(session), dict[str, Segment]()
    for start in range(0, len(names), _NAMES):
        wanted = SegmentFilter(names=tuple(names[start : start + _NAMES]))

        def page_after(name: str, wanted: SegmentFilter = wanted) -> tuple[Segment, ...]:
            return client.list(contract.id, wanted, limit=_NAMES, after=name)

        found |= {segment.name: segment for segment in paged(page_after)}
    return found


def _end(audience: Audience, segment: Segment | None, channel: str | None, now: datetime) -> datetime:
    """When an audience that came by a channel ends: now, where the segment is not meant for that any more.

    A name may stand for another segment by now, which was created later.
    """
    if segment is None or not segment.state.is_live or segment.created > audience.built:
        return now
    if channel is not None and channel not in segment.channels:
        return now
    return segment.expires
