"""What a zone says of a segment's versions is taken where it is signed and about this segment."""

from dataclasses import replace

import pytest

from miyun.errors import MalformedError, MiyunError, ReplayError, SignatureError
from miyun.party.versions import read_version
from miyun.privacy.statements import SizeBand
from miyun.segments.listing import Cause, VersionRecord
from miyun.transport.codec import to_wire
from miyun.wire.v1 import segment_pb2, size_pb2
from tests.party.world import MERCHANT, NOW, World

RECORD = VersionRecord(number=2, epoch=1, cause=Cause.FUSED, begun=NOW, evaluated=NOW)
BAND = SizeBand(contract="spring", segment="tea", version=2, at_least=500, below=1_000, at=NOW)


def entry(world: World, band: SizeBand, signature: bytes | None = None) -> segment_pb2.VersionEntry:
    return segment_pb2.VersionEntry(
        record=to_wire(RECORD, segment_pb2.VersionRecord),
        size=to_wire(band, size_pb2.SizeBand),
        size_signature=world.zone.key.sign(band) if signature is None else signature,
    )


def test_a_version_with_its_size(world: World) -> None:
    assert read_version(world.contract, "tea", entry(world, BAND)).size == BAND
    bare = segment_pb2.VersionEntry(record=to_wire(RECORD, segment_pb2.VersionRecord))
    assert read_version(world.contract, "tea", bare).size is None


@pytest.mark.parametrize("other", [{"contract": "autumn"}, {"segment": "coffee"}, {"version": 1}])
def test_the_size_of_something_else_is_refused(world: World, other: dict[str, object]) -> None:
    with pytest.raises(ReplayError):
        read_version(world.contract, "tea", entry(world, replace(BAND, **other)))  # type: ignore[arg-type]


def test_a_size_that_the_zone_did_not_sign_is_refused(world: World) -> None:
    for signature in (b"", bytes(64), world.home(MERCHANT).signing_key.sign(BAND)):
        with pytest.raises(SignatureError):
            read_version(world.contract, "tea", entry(world, BAND, signature))


def test_malformed_versions_are_refused(world: World) -> None:
    for change in ({"cause": "whim"}, {"begun": "yesterday"}, {"evaluated": "never"}):
        message = entry(world, BAND)
        for name, value in change.items():
            setattr(message.record, name, value)
        with pytest.raises(MalformedError):
            read_version(world.contract, "tea", message)
    with pytest.raises(MiyunError):
        read_version(world.contract, "tea", segment_pb2.VersionEntry())
