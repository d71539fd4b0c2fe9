"""Who objects is taken out of the answer store's delivered sets, without waiting for the next activation.

The source and the lists are read once a contract. The ids of those who must not be reached today are looked up in its
sets, by their digests; a set that has some is written anew without them.
"""

import logging
import time
from collections.abc import Sequence

from miyun.answers.destination import StoreConfig
from miyun.answers.ids import AnswerId, Kind, read_id
from miyun.answers.store import AnswerStore, Audience, AudienceList
from miyun.contract.lifecycle import ContractState
from miyun.destinations.fields import FieldSource
from miyun.errors import MiyunError
from miyun.members.config import load_members_config
from miyun.members.objections import objecting
from miyun.members.own_rows import OwnChunk
from miyun.members.reasons import Rejected
from miyun.party.channels import plan_of
from miyun.party.enqueuing import spelled
from miyun.party.progress import OnEvent, Warned, ignore
from miyun.party.sending import LOOK_SECONDS
from miyun.party.session import Session
from miyun.party.tasks.outcome import Outcome

_GLANCE_SECONDS = 60.0
"""How often it is seen which sets are due."""

log = logging.getLogger(__name__)

Field = tuple[Kind, FieldSource]


def leave_objecting_out(session: Session, contract: str) -> dict[str, int]:
    """Take those who object today out of all sets that were delivered under a contract; how many ids, by audience.

    Raises:
        ContractError: the contract is not in force.
        SourceError, ConfigError: the source or a list can't be read, or a setting is wrong.
        KeyAccessError: a set is damaged.
    """
    consent, now = session.accepted.active(contract, session.now()).consent, session.now()
    store, config = AnswerStore(session.home), load_members_config(session.config_path)
    generation = store.open()
    delivered = _delivered(generation.listed, contract)
    if not delivered:
        return {}
    fields = _fields(session, delivered)
    columns = list(dict.fromkeys(name for _, field in fields for name in field.columns(config)))
    found: dict[str, set[bytes]] = {one.file: set() for one in delivered}
    for chunk in objecting(config, consent, columns, spelled(config, [field for _, field in fields])):
        digests = [store.key.digest(id_) for id_ in _ids(chunk, fields)]
        for one in delivered:
            held = generation.audiences[one.name].set
            found[one.file].update(digest for digest in digests if digest in held)
    return store.leave_out(found, now)


def delivered_under(session: Session) -> tuple[str, ...]:
    """The contracts in force that there are sets of."""
    now, listed = session.now(), AnswerStore(session.home).listed().audiences
    contracts = {one.origin.contract for one in listed if one.origin is not None}
    return tuple(sorted(one for one in contracts if session.accepted.get(one).state(now) is ContractState.ACTIVE))


class Objections:
    """For the agent's loop; ``run`` is for a thread of its own."""

    def __init__(self, session: Session, on_event: OnEvent = ignore) -> None:
        self._session = session
        self._on_event = on_event
        self._glance_at = 0.0
        self._not_before: dict[str, float] = {}

    def due(self) -> tuple[str, ...]:
        """The contracts with a set that was looked through longer ago than an objection may wait."""
        if time.monotonic() < self._glance_at:
            return ()
        self._glance_at = time.monotonic() + _GLANCE_SECONDS
        return tuple(contract for contract in delivered_under(self._session) if self._is_due(contract))

    def run(self, contract: str) -> Outcome:
        """Look through the sets of a contract. What is in the way is told, and tried again when an hour is over."""
        try:
            left_out = leave_objecting_out(self._session, contract)
        except MiyunError as error:
            self._not_before[contract] = time.monotonic() + LOOK_SECONDS
            message = f"people who object may still be in its answers: {error.message}"
            self._on_event(Warned(contract=contract, message=message, hint=error.hint))
            return Outcome.DONE
        if any(left_out.values()):
            log.info("people who object were taken out of audiences of %s", contract)
        return Outcome.DONE

    def _is_due(self, contract: str) -> bool:
        if time.monotonic() < self._not_before.get(contract, 0.0):
            return False
        now = self._session.now()
        delivered = _delivered(AnswerStore(self._session.home).listed(), contract)
        return any((now - one.looked).total_seconds() >= LOOK_SECONDS for one in delivered)


def _delivered(listed: AudienceList, contract: str) -> list[Audience]:
    return [one for one in listed.audiences if one.origin is not None and one.origin.contract == contract]


def _fields(session: Session, delivered: Sequence[Audience]) -> list[Field]:
    """What the sets hold beside the party's own ids, as the channels say that they came by."""
    fields: dict[Field, None] = {}
    for one in delivered:
        delivery = session.deliveries.get(one.origin.contract, one.origin.job) if one.origin is not None else None
        config = plan_of(session, delivery.order.channel).config if delivery is not None else None
        if isinstance(config, StoreConfig):
            fields |= {(Kind(name), field): None for name, field in config.fields.items()}
    return list(fields)


def _ids(chunk: OwnChunk, fields: Sequence[Field]) -> list[AnswerId]:
    given: list[tuple[Kind, str]] = [(Kind.USER, member) for member in chunk.ids]
    for (kind, _), values in zip(fields, chunk.fields, strict=False):
        given += [(kind, value) for value in values if not isinstance(value, Rejected)]
    return [id_ for kind, value in given if not isinstance(id_ := read_id(kind, value), Rejected)]
