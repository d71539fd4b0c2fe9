"""A contract with all its keys, the zone's store and a party's agent, without network or disk."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache

import numpy as np

from miyun import chunking
from miyun.chunking import chunk_count, chunk_points
from miyun.contract.model import (
    Budget,
    Consent,
    Contract,
    IdentifierTerms,
    PartyKind,
    PartyTerms,
    ZoneTerms,
)
from miyun.errors import CapExceededError, ReplayError
from miyun.hazmat.scalars import SecretScalar
from miyun.keys.signing import SigningKey
from miyun.keys.unsealing import SealingKey
from miyun.psi.blinding import blind, make_points_chunk, open_chunk
from miyun.psi.chunks import SealedChunk, make_handles_chunk, make_tokens_chunk
from miyun.psi.context import FusionContext
from miyun.psi.evaluation import evaluate
from miyun.psi.join import Matches, TokenColumn, join
from miyun.psi.statements import Announcement, FuseRequest, PointsChunk, TokensChunk, TypeCount
from miyun.psi.zone_fusion import Verdict, ZoneFusion

MERCHANT, PLATFORM, ZONE = "teahouse", "chessboard", "zone"
PARTIES = (MERCHANT, PLATFORM)
TYPES = ("phone", "openid")
NOW = datetime(2026, 11, 22, tzinfo=UTC)


@cache
def signing_key(name: str) -> SigningKey:
    return SigningKey.generate()


@cache
def sealing_key(name: str) -> SealingKey:
    return SealingKey.generate()


def other(name: str) -> str:
    return PARTIES[1 - PARTIES.index(name)]


def make_contract(*, cap: int = 1_000_000, bucket: int = 1) -> Contract:
    return Contract(
        id="spring",
        zone=ZoneTerms(name=ZONE, organisation="Chessboard", signing_key=signing_key(ZONE).verify_key.to_bytes()),
        parties=tuple(
            PartyTerms(
                name=name,
                kind=kind,
                organisation=name.title(),
                signing_key=signing_key(name).verify_key.to_bytes(),
                sealing_key=sealing_key(name).public_key.to_bytes(),
            )
            for name, kind in zip(PARTIES, PartyKind, strict=True)
        ),
        identifiers=tuple(IdentifierTerms(type=type_, profile="plain", evaluation_cap=cap) for type_ in TYPES),
        grants=(),
        budget=Budget(
            rho_micro=1,
            size_rho_micro=1,
            match_report_rho_micro=1,
            lease_rho_micro=1,
            delta_exponent=6,
            suppress_below=1,
        ),
        channels=(),
        consent=Consent(required=False, purposes=()),
        padding_bucket=bucket,
        delta_bucket=0,
        legs_per_epoch=1,
        location_radius_min=500,
        location_grid=250,
        retention_days=1,
        starts=NOW,
        expires=NOW,
    )


def make_request(contract: Contract, *, job: str = "job-1", epoch: int = 1) -> FuseRequest:
    return FuseRequest(
        contract=contract.id,
        contract_digest=contract.digest(),
        job=job,
        epoch=epoch,
        sequence=0,
        generation=0,
        requester=MERCHANT,
        at=NOW,
    )


def make_announcement(request: FuseRequest, party: str, counts: Sequence[int], handles: int) -> Announcement:
    return Announcement(
        contract=request.contract,
        job=request.job,
        epoch=request.epoch,
        party=party,
        handles=handles,
        counts=tuple(
            TypeCount(type=type_, points=points, chunks=chunk_count(points))
            for type_, points in zip(TYPES, counts, strict=True)
        ),
    )


Rows = list[tuple[str | None, ...]]
"""By row handle: the value of each identifier type."""


@dataclass
class SeenInMemory:
    """Counts and remembers the points of one counterparty and type, as an agent does on disk."""

    cap: int = 1_000_000
    seen: set[bytes] = field(default_factory=set)

    def claim(self, points: bytes) -> None:
        pieces = {points[start : start + 32] for start in range(0, len(points), 32)}
        if len(self.seen) + len(pieces) > self.cap:
            raise CapExceededError("the cap")
        if pieces & self.seen:
            raise ReplayError("seen before")
        self.seen |= pieces


class SentChunk(SealedChunk):
    def put(self, fusion: ZoneFusion) -> Verdict:
        return fusion.accept_points(
            self.points,
            self.points_signature,
            self.handles,
            self.handles_signature,
            sealed=self.sealed,
            handle_values=self.handle_values,
        )


@dataclass
class SentTokens:
    """What one PutTokens carries."""

    statement: TokensChunk
    signature: bytes
    tokens: bytes

    def put(self, fusion: ZoneFusion) -> Verdict:
        return fusion.accept_tokens(self.statement, self.signature, self.tokens)


def sign_chunk(signer: str, points: PointsChunk, sealed: bytes, handles: "np.ndarray") -> SentChunk:
    statement, values = make_handles_chunk(points, handles)
    key = signing_key(signer)
    return SentChunk(
        points=points,
        points_signature=key.sign(points),
        sealed=sealed,
        handles=statement,
        handles_signature=key.sign(statement),
        handle_values=values,
    )


class Side:
    """A party's data, scalars and durable memory of one fusion."""

    def __init__(self, name: str, contract: Contract, request: FuseRequest, rows: Rows, seed: int) -> None:
        self.name = name
        self.contract = contract
        self.request = request
        generator = np.random.default_rng(seed)
        self.order = {
            type_: [int(h) for h in generator.permutation(len(rows)) if rows[int(h)][position] is not None]
            for position, type_ in enumerate(TYPES)
        }
        self.rows = rows
        self.scalars = {type_: SecretScalar.random() for type_ in TYPES}
        self.seen = {type_: SeenInMemory() for type_ in TYPES}
        self.announcement = make_announcement(request, name, [len(self.order[t]) for t in TYPES], len(rows))

    def labels(self, type_: str) -> FusionContext:
        return FusionContext.of(self.contract, self.request.epoch, type_)

    def chunk(self, type_: str, index: int) -> SentChunk:
        handles = self.order[type_]
        start = index * chunking.CHUNK_POINTS
        part = handles[start : start + chunk_points(len(handles), index)]
        values = [f"{type_}:{self.rows[handle][TYPES.index(type_)]}".encode() for handle in part]
        points, sealed = make_points_chunk(
            self.labels(type_),
            blind(self.labels(type_), values, self.scalars[type_]),
            contract=self.contract.id,
            job=self.request.job,
            sender=self.name,
            receiver=self.contract.counterparty(self.name),
            index=index,
            chunks=chunk_count(len(handles)),
        )
        return sign_chunk(self.name, points, sealed, np.array(part, np.uint32))

    def evaluate(self, chunk: PointsChunk, sealed: bytes) -> SentTokens:
        labels = self.labels(chunk.type)
        points = open_chunk(labels, chunk, sealed, sealing_key(self.name))
        tokens = evaluate(labels, points, self.scalars[chunk.type], self.seen[chunk.type])
        statement = make_tokens_chunk(chunk, tokens)
        return SentTokens(statement, signing_key(self.name).sign(statement), tokens)


class ZoneStore:
    """The zone's fusion with what it stored for every NEW; it can be lost and restored from the store."""

    def __init__(self, contract: Contract, request: FuseRequest) -> None:
        self.contract = contract
        self.request = request
        self.fusion = ZoneFusion(contract, request)
        self.announcements: list[tuple[Announcement, bytes]] = []
        self.chunks: list[SentChunk] = []
        self.tokens: list[SentTokens] = []

    def restart(self) -> None:
        self.fusion = ZoneFusion.restore(
            self.contract,
            self.request,
            announcements=[announcement for announcement, _ in self.announcements],
            points=[(chunk.points, chunk.handles) for chunk in self.chunks],
            tokens=[sent.statement for sent in self.tokens],
        )

    def announce(self, announcement: Announcement) -> None:
        signature = signing_key(announcement.party).sign(announcement)
        if self.fusion.accept_announcement(announcement, signature) is Verdict.NEW:
            self.announcements.append((announcement, signature))

    def put_points(self, chunk: SentChunk) -> None:
        if chunk.put(self.fusion) is Verdict.NEW:
            self.chunks.append(chunk)

    def put_tokens(self, tokens: SentTokens) -> None:
        if tokens.put(self.fusion) is Verdict.NEW:
            self.tokens.append(tokens)

    def points_from(self, sender: str, type_: str, index: int) -> SentChunk | None:
        for chunk in self.chunks:
            if (chunk.points.sender, chunk.points.type, chunk.points.index) == (sender, type_, index):
                return chunk
        return None

    def join(self) -> Matches:
        return join((self._column(MERCHANT, type_), self._column(PLATFORM, type_)) for type_ in TYPES)

    def _column(self, sender: str, type_: str) -> TokenColumn:
        tokens = {(t.statement.sender, t.statement.type, t.statement.index): t.tokens for t in self.tokens}
        chunks = [chunk for chunk in self.chunks if (chunk.points.sender, chunk.points.type) == (sender, type_)]
        return TokenColumn(
            tokens=b"".join(tokens[sender, type_, chunk.points.index] for chunk in chunks),
            handles=np.frombuffer(b"".join(chunk.handle_values for chunk in chunks), "<u4").astype(np.uint32),
        )


def naive_match(left: Rows, right: Rows) -> set[tuple[int, int, int]]:
    """The plaintext join: types in order, among rows that are not matched yet. (left, right, type index)"""
    pairs: set[tuple[int, int, int]] = set()
    for index in range(len(TYPES)):
        for one, left_row in enumerate(left):
            for two, right_row in enumerate(right):
                free = all(one != pair[0] and two != pair[1] for pair in pairs)
                if free and left_row[index] is not None and left_row[index] == right_row[index]:
                    pairs.add((one, two, index))
    return pairs


def as_set(matches: Matches) -> set[tuple[int, int, int]]:
    columns = (matches.left, matches.right, matches.type_index)
    return {(int(one), int(two), int(index)) for one, two, index in zip(*columns, strict=True)}
