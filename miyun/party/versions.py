"""The versions of segments as the zone tells of them, their sizes checked."""

from dataclasses import dataclass

from miyun.contract.model import Contract
from miyun.errors import ReplayError
from miyun.keys.signing import VerifyKey
from miyun.privacy.statements import SizeBand
from miyun.segments.listing import VersionRecord
from miyun.transport.codec import from_wire
from miyun.wire.v1 import segment_pb2 as wire


@dataclass(frozen=True, slots=True, kw_only=True)
class PastVersion:
    """A version of a segment; ``size`` is what was told of it before, None where nothing was or one may not know."""

    record: VersionRecord
    size: SizeBand | None


def read_version(contract: Contract, segment: str, entry: wire.VersionEntry) -> PastVersion:
    """A version with its size, checked with the zone key that the contract pins.

    Raises:
        SignatureError, ReplayError: the size is not signed by the zone, or is another's.
    """
    record = from_wire(entry.record, VersionRecord)
    if not entry.HasField("size"):
        return PastVersion(record=record, size=None)
    band = from_wire(entry.size, SizeBand)
    VerifyKey(contract.zone.signing_key).verify(band, entry.size_signature)
    if (band.contract, band.segment, band.version) != (contract.id, segment, record.number):
        raise ReplayError(
            "the zone answered with the size of something else",
            hint="Ask again; if it stays so, talk to the zone's operator.",
        )
    return PastVersion(record=record, size=band)
