"""Everything that the zone and each party receive, searched for people and for the order of the input."""

import base64
import hashlib
import random
from pathlib import Path

import numpy as np
import pytest

from miyun.hazmat.ristretto import backend
from miyun.members.roster import Roster, encode_value
from miyun.psi.context import FusionContext
from miyun.wire.v1 import fusion_pb2
from tests.system.world import CONTRACT, MERCHANT, PLATFORM, ZONE, Wiretap, daemon, meeting

CONFIG = """
[members]
source = "csv"
path = "table.csv"
id = "id"
[members.identifiers.phone]
column = "phone"
profile = "e164-cn"
[members.identifiers.email]
column = "email"
profile = "plain"
[members.attributes.spend]
type = "number"
"""
ROWS = 60
CHANNELS = ("member-messages", "platform-ads")


def table(prefix: str, people: list[int]) -> str:
    lines = [f"{prefix}{n:06d},1390{n:07d},person{n}@example.com,{n * 7 % 1000}" for n in people]
    return "\n".join(["id,phone,email,spend", *lines]) + "\n"


def identifiers(prefix: str, people: list[int]) -> list[tuple[str, str]]:
    """Type and normalised value of all that could name a person."""
    phones = [("phone", f"+861390{n:07d}") for n in people]
    emails = [("email", f"person{n}@example.com") for n in people]
    return [*phones, *emails, *(("id", f"{prefix}{n:06d}") for n in people)]


def spellings(value: str) -> list[bytes]:
    """The value, and what a careless program might have sent instead."""
    plain = [word.encode() for word in (value, value.removeprefix("+"), value.removeprefix("+86"))]
    algorithms = ("md5", "sha1", "sha256", "sha512", "sha3_256", "blake2b", "blake2s")
    digests = [hashlib.new(algorithm, word).digest() for word in plain for algorithm in algorithms]
    encodings = (bytes.hex, base64.b64encode, base64.urlsafe_b64encode)
    texts = [encode(digest) for digest in digests for encode in encodings]
    return [*plain, *digests, *(text.encode() if isinstance(text, str) else text.rstrip(b"=") for text in texts)]


def unblinded(contract_digest: bytes, type_: str, value: str) -> bytes:
    """The point of an identifier before anybody's scalar: an unkeyed hash of it."""
    encoded = encode_value(type_, value)
    context = FusionContext(contract_digest=contract_digest, epoch=1, type=type_)
    return backend().hash_to_group(encoded, np.array([0, len(encoded)], "<u4").tobytes(), context.dst())


def test_nobody_receives_a_person(tmp_path: Path, wiretap: Wiretap) -> None:
    people = {MERCHANT: list(range(ROWS)), PLATFORM: list(range(ROWS // 2, ROWS + ROWS // 2))}
    named = {MERCHANT: identifiers("m", people[MERCHANT]), PLATFORM: identifiers("u", people[PLATFORM])}
    tables = {MERCHANT: table("m", people[MERCHANT]), PLATFORM: table("u", people[PLATFORM])}
    with meeting(tmp_path, tables, CONFIG, columns=("spend",)) as (merchant, platform):
        with daemon(platform):
            merchant.fuse(CONTRACT)
            segment = merchant.segments.create(CONTRACT, "rich", "members.spend > 100", channels=CHANNELS)
            merchant.jobs.wait(CONTRACT, segment.id)
            for recipient, channel in zip((MERCHANT, PLATFORM), CHANNELS, strict=True):
                job = merchant.activate(CONTRACT, "rich", recipient=recipient, channel=channel)
                merchant.jobs.wait(CONTRACT, job.id)
        digest = merchant.contracts.get(CONTRACT).contract.digest()
        sealing_keys = {party.name: party.identity().sealing_key for party in (merchant, platform)}

    for receiver, owners in {ZONE: [MERCHANT, PLATFORM], MERCHANT: [PLATFORM], PLATFORM: [MERCHANT]}.items():
        heap = wiretap.heard_by(receiver, sealing_keys.get(receiver))
        assert len(heap) > 10_000, f"the wiretap of {receiver} heard next to nothing"
        for type_, value in {named_one for owner in owners for named_one in named[owner]}:
            for spelling in spellings(value):
                assert spelling not in heap, f"{receiver} received {value} as {spelling[:40]!r}"
            if type_ != "id":
                assert unblinded(digest, type_, value) not in heap, f"{receiver} received the bare point of {value}"
    for party, sealing_key in sealing_keys.items():
        assert sealing_key in wiretap.opened, f"nothing was sealed to {party}"


@pytest.mark.slow
def test_nothing_follows_the_order_of_the_input(tmp_path: Path, wiretap: Wiretap) -> None:
    """Spearman's rank correlation between a row's place in the file and its row handle, and its place in the upload.

    Under independence each has mean 0 and variance 1/(n − 1); the mean of k runs is within 4.5 standard errors but for
    a probability below 10⁻⁵.
    """
    runs, rows = 12, 150
    people = list(range(rows))
    random.Random(1).shuffle(people)
    tables = {MERCHANT: table("m", people), PLATFORM: table("u", people)}
    by_handle, by_position, between = [], [], []
    with meeting(tmp_path, tables, CONFIG, columns=("spend",)) as (merchant, platform), daemon(platform):
        for epoch in range(1, runs + 1):
            merchant.fuse(CONTRACT)
            place = _file_places(merchant.path, epoch, people)
            uploads = {
                type_: [
                    handle
                    for message in wiretap.received[ZONE]
                    if isinstance(message, fusion_pb2.PutPointsRequest)
                    and (message.handles.party, message.handles.epoch, message.handles.type) == (MERCHANT, epoch, type_)
                    for handle in np.frombuffer(message.handle_values, "<u4").tolist()
                ]
                for type_ in ("phone", "email")
            }
            by_handle.append(_spearman([place[handle] for handle in range(rows)], range(rows)))
            for upload in uploads.values():
                assert sorted(upload) == list(range(rows))
                by_position.append(_spearman([place[handle] for handle in upload], range(rows)))
            between.append(_spearman(uploads["phone"], uploads["email"]))
    for correlations in (by_handle, by_position, between):
        assert abs(np.mean(correlations)) < 4.5 / np.sqrt(len(correlations) * (rows - 1))


def _file_places(home: Path, epoch: int, people: list[int]) -> dict[int, int]:
    from pyroaring import BitMap

    (file,) = home.glob(f"**/{CONTRACT}.{epoch}.*.duckdb")
    with Roster.open(file) as roster:
        handles = range(roster.universe)
        ids = [member for batch in roster.member_ids(BitMap(handles)) for member in batch]
    order = {f"m{person:06d}": place for place, person in enumerate(people)}
    return {handle: order[member] for handle, member in zip(handles, ids, strict=True)}


def _spearman(left: "list[int]", right: "list[int] | range") -> float:
    ranks = [np.argsort(np.argsort(np.asarray(list(side)))) for side in (left, right)]
    return float(np.corrcoef(*ranks)[0, 1])
