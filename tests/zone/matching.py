"""Simulated sides of a fusion, and the plaintext model of what the zone is to find."""

import hashlib
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from pyroaring import BitMap

from miyun import chunking
from miyun.chunking import chunk_count
from miyun.contract.model import Contract
from miyun.keys.sealing import OVERHEAD_BYTES
from miyun.psi.chunks import make_handles_chunk, make_tokens_chunk
from miyun.psi.statements import Announcement, FuseRequest, PointsChunk, TypeCount
from miyun.segments.statements import LegUpload
from miyun.transport.codec import from_wire, to_wire
from miyun.wire.v1 import fusion_pb2, segment_pb2
from tests.zone.members import NOW, Member, token

Row = Mapping[str, str]


def fuse_request(contract: Contract, requester: str, epoch: int, job: str = "") -> FuseRequest:
    return FuseRequest(
        contract=contract.id,
        contract_digest=contract.digest(),
        job=job or f"fuse-{epoch}",
        epoch=epoch,
        sequence=0,
        generation=0,
        requester=requester,
        at=NOW,
    )


def request_fusion(member: Member, contract: Contract, epoch: int = 1, job: str = "") -> FuseRequest:
    request = fuse_request(contract, member.name, epoch, job)
    member.fusions.RequestFusion(
        fusion_pb2.RequestFusionRequest(
            statement=to_wire(request, fusion_pb2.FuseRequest), signature=member.sign(request)
        )
    )
    return request


@dataclass
class Side:
    """One party in one fusion. ``rows`` are its rows' identifiers by type; a row's handle is drawn at random."""

    member: Member
    contract: Contract
    request: FuseRequest
    rows: Sequence[Row]
    seed: int = 1
    handles: list[int] = field(init=False)

    def __post_init__(self) -> None:
        self._random = random.Random(f"{self.seed}/{self.member.name}")
        self.handles = self._random.sample(range(len(self.rows)), len(self.rows))
        self._points = {type_: self._shuffled(type_) for type_ in self.types}

    @property
    def types(self) -> tuple[str, ...]:
        return tuple(terms.type for terms in self.contract.identifiers)

    def announcement(self) -> Announcement:
        counts = tuple(
            TypeCount(type=type_, points=len(points), chunks=chunk_count(len(points)))
            for type_, points in self._points.items()
        )
        return Announcement(
            contract=self.contract.id,
            job=self.request.job,
            epoch=self.request.epoch,
            party=self.member.name,
            handles=len(self.rows),
            counts=counts,
        )

    def announcement_message(self) -> fusion_pb2.AnnounceRequest:
        statement = self.announcement()
        return fusion_pb2.AnnounceRequest(
            statement=to_wire(statement, fusion_pb2.Announcement), signature=self.member.sign(statement)
        )

    def announce(self) -> None:
        self.member.fusions.Announce(self.announcement_message())

    def points(self, type_: str, index: int) -> PointsChunk:
        part = self._part(type_, index)
        return PointsChunk(
            contract=self.contract.id,
            job=self.request.job,
            epoch=self.request.epoch,
            type=type_,
            sender=self.member.name,
            receiver=self.contract.counterparty(self.member.name).name,
            index=index,
            chunks=chunk_count(len(self._points[type_])),
            count=len(part),
            sealed_digest=hashlib.sha256(self.sealed(type_, index)).digest(),
        )

    def sealed(self, type_: str, index: int) -> bytes:
        label = f"{self.member.name}/{type_}/{index}"
        return random.Random(label).randbytes(32 * len(self._part(type_, index)) + OVERHEAD_BYTES)

    def put_points_message(self, type_: str, index: int) -> fusion_pb2.PutPointsRequest:
        points = self.points(type_, index)
        chunk_handles = np.array([handle for _, handle in self._part(type_, index)], np.uint32)
        handles, values = make_handles_chunk(points, chunk_handles)
        return fusion_pb2.PutPointsRequest(
            points=to_wire(points, fusion_pb2.PointsChunk),
            points_signature=self.member.sign(points),
            sealed=self.sealed(type_, index),
            handles=to_wire(handles, fusion_pb2.HandlesChunk),
            handles_signature=self.member.sign(handles),
            handle_values=values,
        )

    def put_points(self, type_: str, index: int) -> None:
        self.member.fusions.PutPoints(self.put_points_message(type_, index))

    def put_tokens_message(self, other: "Side", type_: str, index: int) -> fusion_pb2.PutTokensRequest:
        """Tokens that this side derives from the other's chunk."""
        tokens = b"".join(
            token(self.contract, self.request.epoch, type_, value) for value, _ in other._part(type_, index)
        )
        statement = make_tokens_chunk(other.points(type_, index), tokens)
        return fusion_pb2.PutTokensRequest(
            statement=to_wire(statement, fusion_pb2.TokensChunk), signature=self.member.sign(statement), tokens=tokens
        )

    def fetch_and_put_tokens(self, other: "Side", type_: str, index: int) -> None:
        """Fetch the other's chunk, which is to be what it sent, then hand in its tokens."""
        answer = self.member.fusions.GetPoints(
            fusion_pb2.GetPointsRequest(contract=self.contract.id, job=self.request.job, type=type_, index=index)
        )
        assert from_wire(answer.points, PointsChunk) == other.points(type_, index)
        assert answer.sealed == other.sealed(type_, index)
        self.member.fusions.PutTokens(self.put_tokens_message(other, type_, index))

    def chunks(self) -> Iterator[tuple[str, int]]:
        for type_, points in self._points.items():
            for index in range(chunk_count(len(points))):
                yield type_, index

    def bits(self, chosen: Sequence[int]) -> bytes:
        """The bitmap over handles of these rows, by row number."""
        return BitMap(self.handles[row] for row in chosen).serialize()

    def leg_message(self, job: str, predicate: str, bits: bytes, generation: int = 0) -> segment_pb2.PutLegRequest:
        statement = LegUpload(
            contract=self.contract.id,
            job=job,
            epoch=self.request.epoch,
            generation=generation,
            party=self.member.name,
            predicate=predicate,
            first=0,
            handles=len(self.rows),
            bits_digest=hashlib.sha256(bits).digest(),
        )
        return segment_pb2.PutLegRequest(
            statement=to_wire(statement, segment_pb2.LegUpload), signature=self.member.sign(statement), bits=bits
        )

    def put_leg(self, job: str, predicate: str, chosen: Sequence[int], generation: int = 0) -> None:
        self.member.segments.PutLeg(self.leg_message(job, predicate, self.bits(chosen), generation))

    def rows_of(self, handles: BitMap) -> set[int]:
        row_of = {handle: row for row, handle in enumerate(self.handles)}
        return {row_of[handle] for handle in handles}

    def _shuffled(self, type_: str) -> list[tuple[str, int]]:
        points = [(row[type_], handle) for row, handle in zip(self.rows, self.handles, strict=True) if type_ in row]
        self._random.shuffle(points)
        return points

    def _part(self, type_: str, index: int) -> list[tuple[str, int]]:
        return self._points[type_][index * chunking.CHUNK_POINTS : (index + 1) * chunking.CHUNK_POINTS]


def exchange(left: Side, right: Side) -> None:
    """Both sides announce, send and evaluate everything."""
    for side in (left, right):
        side.announce()
    for side, other in ((left, right), (right, left)):
        for type_, index in side.chunks():
            side.put_points(type_, index)
            other.fetch_and_put_tokens(side, type_, index)


def model_pairs(left: Sequence[Row], right: Sequence[Row], types: Sequence[str]) -> dict[tuple[int, int], str]:
    """The pairs of rows that match, with the type that matched them: in priority order, each row at most once."""
    pairs: dict[tuple[int, int], str] = {}
    for type_ in types:
        taken_left, taken_right = {pair[0] for pair in pairs}, {pair[1] for pair in pairs}
        by_value = {row[type_]: number for number, row in enumerate(right) if type_ in row}
        for number, row in enumerate(left):
            other = by_value.get(row.get(type_, ""))
            if other is not None and number not in taken_left and other not in taken_right:
                pairs[number, other] = type_
    return pairs


def people(seed: int, count: int, others: int = 0) -> list[Row]:
    """Rows with a phone, an e-mail address, or both; ``seed`` decides, ``others`` of them exist on this side only."""
    chance = random.Random(seed)
    rows: list[Row] = []
    for number in range(count):
        identity = f"{seed}-only-{number}" if number < others else str(chance.randrange(count * 2))
        kinds = chance.choice((("phone",), ("email",), ("phone", "email")))
        rows.append({kind: f"{kind}-{identity}" for kind in kinds})
    return _without_repeats(rows)


def _without_repeats(rows: Sequence[Row]) -> list[Row]:
    seen: set[str] = set()
    kept: list[Row] = []
    for row in rows:
        own = {type_: value for type_, value in row.items() if value not in seen}
        seen.update(own.values())
        if own:
            kept.append(own)
    return kept
