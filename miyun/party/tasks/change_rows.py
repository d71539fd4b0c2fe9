"""A delta of own rows: from the files that it is made from to what is announced and sent."""

import hashlib
import secrets
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from miyun.chunking import CHUNK_POINTS
from miyun.contract.model import Contract
from miyun.errors import StateError
from miyun.members.changing import Rebind, RosterChange, Values, plan_change
from miyun.members.config import MembersConfig, SourceKind, load_members_config
from miyun.members.reading import MemberReader, consent_columns, contract_profiles
from miyun.members.roster import RosterChunk, encode_value
from miyun.members.roster_places import digest_of
from miyun.party.guard import FuseWork
from miyun.party.roster_changes import StoredChange
from miyun.party.rosters import ChangePart
from miyun.party.session import Session
from miyun.psi.chunks import Rebound, write_rebinds
from miyun.psi.rematch import NONE
from miyun.psi.statements import Rebinds

_KEY_BYTES = 32

NO_CHANGE = RosterChange(handles=0, members=(), padding=(), types=())
"""Of the party whose rows a delta isn't about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeRows:
    """New points of a planned change, in upload order."""

    change: RosterChange
    types: tuple[str, ...]

    def chunk(self, type_: str, index: int) -> RosterChunk:
        points = self.change.types[self.types.index(type_)].points
        part = points[index * CHUNK_POINTS : (index + 1) * CHUNK_POINTS]
        return RosterChunk(
            handles=np.array([point.handle for point in part], np.uint32),
            values=[encode_value(type_, point.value) if point.value_digest else None for point in part],
        )


def plan(session: Session, work: FuseWork) -> StoredChange:
    """Work out a delta of own rows, to be stored before anything is sent; the same where that was done before.

    Raises:
        StateError: this home has not the files that the delta is made from, or the epoch's rows can't change.
        InputError: more rows than one delta can change.
        SourceError: a file can't be read.
    """
    contract, request = work.contract, work.request
    stored = session.roster_changes.get(contract.id, request.job)
    if stored is not None:
        return stored
    files = {part: session.rosters.change_file(contract.id, request.epoch, request.job, part) for part in ChangePart}
    if not any(file.is_file() for file in files.values()):
        raise StateError("this home has not the rows that the delta is about", hint="Ask for the delta from this home.")
    config = load_members_config(session.config_path)
    key = digest_key(session, contract, request.epoch)
    added, refused = _added(config, contract, key, files[ChangePart.ADD])
    removed = refused | _removed(config, files[ChangePart.REMOVE]) - added.keys()
    handles = session.fusions.handles(contract.id, request.epoch)
    places = session.rosters.places(contract.id, request.epoch, key)
    known = session.roster_changes.known(places, contract.id, request.epoch, handles)
    change = plan_change(known, len(contract.identifiers), added, removed, contract.delta_bucket)
    return _stored(session, work, change)


def added_rows(session: Session, contract: str, epoch: int, config: MembersConfig, first: int) -> MembersConfig | None:
    """The rows of the delta that added the handles from ``first`` on, as a source; None where that isn't one delta."""
    handles, applied = 0, session.fusions.applied(contract, epoch)
    for fusion in applied:
        if handles == first and fusion.sequence:
            file = session.rosters.change_file(contract, epoch, fusion.job, ChangePart.ADD)
            newest = first + fusion.announcement.handles == sum(made.announcement.handles for made in applied)
            return source_of(config, file) if newest and file.is_file() else None
        handles += fusion.announcement.handles
    return None


def source_of(config: MembersConfig, file: Path) -> MembersConfig:
    """The member table's settings for another file with the same columns: Parquet by its content, else CSV."""
    with file.open("rb") as opened:
        parquet = opened.read(4) == b"PAR1"
    kind = SourceKind.PARQUET if parquet else SourceKind.CSV
    return replace(config, source=kind, path=file, url=None, query=None)


def digest_key(session: Session, contract: Contract, epoch: int) -> str:
    """The key of an epoch's digests, drawn when it is first asked for."""
    name = f"places/{contract.id}/{epoch}"
    if name not in session.home.vault.names():
        session.home.vault.put(name, secrets.token_bytes(_KEY_BYTES))
    return session.home.vault.get(name).hex()


def _added(config: MembersConfig, contract: Contract, key: str, file: Path) -> tuple[dict[str, Values], set[str]]:
    """Each member's values, from its first row; and the members without consent, who are not sent."""
    added: dict[str, Values] = {}
    refused: set[str] = set()
    if not file.is_file():
        return added, refused
    profiles = contract_profiles(config, contract.identifiers)
    consent = consent_columns(config, contract.consent)
    for batch in MemberReader(source_of(config, file), profiles=profiles, consent=consent).batches():
        columns = [batch.identifiers[type_] for type_ in profiles]
        for row, member in enumerate(batch.members):
            if member in added or member in refused:
                continue
            if not batch.consented[row]:
                refused.add(member)
                continue
            values = {place: column[row] for place, column in enumerate(columns)}
            added[member] = {
                place: (digest_of(key, value), value) for place, value in values.items() if value is not None
            }
    return added, refused


def _removed(config: MembersConfig, file: Path) -> set[str]:
    if not file.is_file():
        return set()
    return {
        member for batch in MemberReader(source_of(config, file), profiles={}).batches() for member in batch.members
    }


def _stored(session: Session, work: FuseWork, change: RosterChange) -> StoredChange:
    values = write_rebinds([_rebound(each.rebinds) for each in change.types])
    rebinds = Rebinds(
        contract=work.contract.id,
        job=work.request.job,
        epoch=work.request.epoch,
        party=session.name,
        counts=tuple(len(each.rebinds) for each in change.types),
        rebinds_digest=hashlib.sha256(values).digest(),
    )
    return StoredChange(change=change, rebinds=rebinds, signature=session.sign(rebinds), values=values)


def _rebound(rebinds: tuple[Rebind, ...]) -> Rebound:
    positions = np.array([rebind.position for rebind in rebinds], np.uint32)
    handles = np.array([NONE if rebind.handle is None else rebind.handle for rebind in rebinds], np.uint32)
    return positions, handles


def forget_keys(session: Session, contract: str, *, before_epoch: int) -> None:
    """Erase the digests' keys of epochs that are over."""
    prefix = f"places/{contract}/"
    for name in session.home.vault.names():
        if name.startswith(prefix) and int(name.removeprefix(prefix)) < before_epoch:
            session.home.vault.delete(name)
