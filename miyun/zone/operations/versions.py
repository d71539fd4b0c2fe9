"""The history of segments: their versions, with the sizes that were told of them before."""

from dataclasses import dataclass

from miyun.privacy.statements import SizeBand
from miyun.segments.listing import VersionRecord
from miyun.zone.core import Core
from miyun.zone.operations.access import contract_of_party
from miyun.zone.operations.segments import require_segment
from miyun.zone.operations.sizes import may_see_size, released_size
from miyun.zone.store import versions as store

PAGE_VERSIONS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionEntry:
    """``size`` is the signed band that anybody was told before of this definition in this epoch."""

    record: VersionRecord
    size: tuple[SizeBand, bytes] | None


def list_versions(
    core: Core, caller: str, contract_id: str, name: str, *, limit: int, before: int
) -> tuple[VersionEntry, ...]:
    """The versions of a segment, newest first, at most `PAGE_VERSIONS` a page. Nothing is drawn or charged.

    A caller to whom the contract grants no size of it sees none.
    """
    with core.reading() as connection:
        contract = contract_of_party(connection, contract_id, caller).contract
        segment = require_segment(connection, contract_id, name)
        page = min(limit or PAGE_VERSIONS, PAGE_VERSIONS)
        records = store.list_versions(connection, segment, limit=page, before=before)
        told = may_see_size(contract, caller, segment.subjects)
        return tuple(
            VersionEntry(
                record=record, size=released_size(core, connection, contract, segment, record.number) if told else None
            )
            for record in records
        )
