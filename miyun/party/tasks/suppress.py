"""Telling the zone which rows must not be reached today, before an audience is sealed."""

from pyroaring import BitMap

from miyun.audit.events import Event, Fact
from miyun.members.config import load_members_config
from miyun.party.guard import SuppressWork
from miyun.party.legs import Asked
from miyun.party.session import Session
from miyun.party.tasks.outcome import Outcome
from miyun.party.tasks.upload import upload
from miyun.segments.statements import SUPPRESSION


def suppress(session: Session, work: SuppressWork) -> Outcome:
    """Answer one activation with this party's own opt-outs as of now; a party without any sends no bit.

    Raises:
        SourceError: the member table or the opt-out file can't be read.
    """
    contract, request = work.contract, work.request

    def bits() -> BitMap:
        with session.rosters.open(contract.id, work.epoch) as roster:
            return roster.suppressed(load_members_config(session.config_path))

    facts: dict[Fact, str | int] = {
        Fact.JOB: request.job,
        Fact.SEGMENT: request.segment,
        Fact.CHANNEL: request.channel,
        Fact.RECIPIENT: request.recipient,
    }
    session.audit_log.note(contract.id, Event.ACTIVATION_REQUESTED, request.requester, request, facts)
    asked = Asked(epoch=work.epoch, generation=0, first=0, handles=work.handles)
    upload(session, contract, asked, job=request.job, predicate=SUPPRESSION, bits=bits)
    return Outcome.DONE
