"""Two parties with homes on disk, and a zone in memory that relays between them as the real one does."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from miyun.audit.statements import Receipt
from miyun.contract.draft import draft_contract
from miyun.contract.model import Contract, IdentifierTerms
from miyun.contract.statements import Revocation
from miyun.keys.create import create_home
from miyun.keys.home import Home, HomeInfo, Role, ZoneLink
from miyun.keys.identity import Identity
from miyun.keys.signing import SigningKey, VerifyKey
from miyun.keys.vault import KeyFile
from miyun.party.session import Session
from miyun.privacy.statements import BudgetCharge, BudgetLease
from miyun.psi.statements import Announcement, FuseRequest, HandlesChunk, PointsChunk, TokensChunk
from miyun.psi.zone_fusion import ZoneFusion
from miyun.records import Statement
from miyun.segments.publication import PublishedSchema
from miyun.segments.statements import LegUpload, SegmentRequest
from miyun.transport.codec import from_wire, to_wire
from miyun.wire.v1 import agent_pb2, audit_pb2, budget_pb2, catalogue_pb2, contract_pb2, fusion_pb2, segment_pb2

MERCHANT, PLATFORM, ZONE = "teahouse", "chessboard", "meeting-place"
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
DAY = timedelta(days=1)


class Killed(BaseException):
    """The process died here."""


@dataclass
class Clock:
    now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now


def make_home(folder: Path, name: str, kind: str) -> Home:
    info = HomeInfo(name=name, role=Role.PARTY, kind=kind, organisation=name.title(), created=NOW)
    return create_home(folder, info, KeyFile(folder.with_suffix(".key")))


def write_members(home: Path, rows: list[dict[str, str]], *, extra: str = "") -> None:
    """A member table with the columns of the first row, and the configuration that fits it."""
    header = list(rows[0])
    lines = [",".join(header), *(",".join(row[name] for name in header) for row in rows)]
    (home / "members.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (home / "party.toml").write_text(
        """
[members]
source = "csv"
path = "members.csv"
id = "id"
[members.identifiers.phone]
column = "phone"
profile = "e164-cn"
[members.identifiers.email]
column = "email"
profile = "plain"
[members.attributes.spend]
type = "number"
[members.attributes.opted_out]
type = "boolean"
[suppression]
attribute = "opted_out"
"""
        + extra,
        encoding="utf-8",
    )


def row(number: int, **values: str) -> dict[str, str]:
    """A member with identifiers of its own."""
    return {
        "id": f"m{number}",
        "phone": f"138{number:08d}",
        "email": f"person{number}@example.com",
        "spend": str(number),
        "opted_out": "false",
        **values,
    }


def zone_identity(key: SigningKey) -> Identity:
    return Identity(name=ZONE, role="zone", organisation="Chessboard", signing_key=key.verify_key.to_bytes())


def make_contract(merchant: Home, platform: Home, zone: SigningKey, **choices: Any) -> Contract:
    identifiers = tuple(
        IdentifierTerms(type=type_, profile=profile, evaluation_cap=choices.pop(f"{type_}_cap", 100_000))
        for type_, profile in (("phone", "e164-cn"), ("email", "plain"))
    )
    grants = choices.pop("grants", ())
    contract = draft_contract(
        id=choices.pop("id", "spring"),
        zone=zone_identity(zone),
        merchant=merchant.identity()[0],
        platform=platform.identity()[0],
        identifiers=identifiers,
        starts=NOW - DAY,
        expires=NOW + 30 * DAY,
        columns=choices.pop("columns", ("spend",)),
        consent_required=False,
        padding_bucket=choices.pop("bucket", 1),
        **choices,
    )
    return replace(contract, grants=(*contract.grants, *grants))


@dataclass
class FakeZone:
    """What the zone does in a fusion, for one contract; ``before`` and ``after`` see each call and may raise."""

    contract: Contract
    key: SigningKey
    machine: ZoneFusion | None = None
    request: tuple[FuseRequest, bytes] | None = None
    announcements: dict[str, tuple[Announcement, bytes]] = field(default_factory=dict)
    chunks: dict[tuple[str, str, int], fusion_pb2.PutPointsRequest] = field(default_factory=dict)
    tokens: dict[tuple[str, str, int], bytes] = field(default_factory=dict)
    legs: list[segment_pb2.PutLegRequest] = field(default_factory=list)
    segments: dict[str, SegmentRequest] = field(default_factory=dict)
    refusals: list[agent_pb2.Refusal] = field(default_factory=list)
    leases: list[BudgetLease] = field(default_factory=list)
    charges: list[tuple[BudgetCharge, bytes]] = field(default_factory=list)
    schemas: dict[str, catalogue_pb2.PutSchemaRequest] = field(default_factory=dict)
    schema_pages: dict[tuple[str, int], dict[int, bytes]] = field(default_factory=dict)
    state: str = "active"
    revocation: contract_pb2.RevokeRequest | None = None
    calls: list[tuple[str, str, bytes]] = field(default_factory=list)
    before: Callable[[str, str, Any], None] = lambda caller, method, message: None
    after: Callable[[str, str, Any], None] = lambda caller, method, message: None
    change: Callable[[str, str, Any], Any] = lambda caller, method, answer: answer

    def stub(self, caller: str) -> Any:
        def method(name: str) -> Callable[[Any], Any]:
            def call(message: Any) -> Any:
                self.calls.append((caller, name, message.SerializeToString(deterministic=True)))
                self.before(caller, name, message)
                answer = getattr(self, f"on_{name}")(caller, message)
                self.after(caller, name, message)
                return self.change(caller, name, answer)

            return call

        names = [name.removeprefix("on_") for name in dir(self) if name.startswith("on_")]
        return SimpleNamespace(**{name: method(name) for name in names})

    def sent(self, caller: str, method: str) -> list[bytes]:
        return [message for who, name, message in self.calls if (who, name) == (caller, method)]

    def begin(self, request: FuseRequest, signature: bytes) -> agent_pb2.FuseTask:
        self.request = request, signature
        self.machine = ZoneFusion(self.contract, request)
        self.announcements, self.chunks, self.tokens = {}, {}, {}
        return agent_pb2.FuseTask(request=to_wire(request, fusion_pb2.FuseRequest), signature=signature)

    def receipt(self, statement: Statement, job: str) -> audit_pb2.SignedReceipt:
        receipt = Receipt(
            contract=self.contract.id,
            job=job,
            subject=statement.KIND,
            statement_digest=statement.digest(),
            audit_sequence=len(self.calls),
            audit_head=hashlib.sha256(str(len(self.calls)).encode()).digest(),
            at=NOW,
        )
        return audit_pb2.SignedReceipt(statement=to_wire(receipt, audit_pb2.Receipt), signature=self.key.sign(receipt))

    def on_Announce(self, caller: str, message: Any) -> Any:
        statement = from_wire(message.statement, Announcement)
        self.machine.accept_announcement(statement, message.signature)
        self.announcements[caller] = statement, message.signature
        return self.receipt(statement, statement.job)

    def on_GetAnnouncement(self, caller: str, message: Any) -> Any:
        if message.party not in self.announcements:
            return fusion_pb2.GetAnnouncementResponse()
        statement, signature = self.announcements[message.party]
        return fusion_pb2.GetAnnouncementResponse(
            statement=to_wire(statement, fusion_pb2.Announcement), signature=signature
        )

    def on_PutPoints(self, caller: str, message: Any) -> Any:
        points = from_wire(message.points, PointsChunk)
        self.machine.accept_points(
            points,
            message.points_signature,
            from_wire(message.handles, HandlesChunk),
            message.handles_signature,
            sealed=message.sealed,
            handle_values=message.handle_values,
        )
        self.chunks[caller, points.type, points.index] = message
        return self.receipt(points, points.job)

    def on_GetPoints(self, caller: str, message: Any) -> Any:
        sender = self.contract.counterparty(caller).name
        held = self.chunks.get((sender, message.type, message.index))
        if held is None:
            return fusion_pb2.GetPointsResponse()
        return fusion_pb2.GetPointsResponse(
            points=held.points, points_signature=held.points_signature, sealed=held.sealed
        )

    def on_PutTokens(self, caller: str, message: Any) -> Any:
        statement = from_wire(message.statement, TokensChunk)
        self.machine.accept_tokens(statement, message.signature, message.tokens)
        self.tokens[statement.sender, statement.type, statement.index] = message.tokens
        return self.receipt(statement, statement.job)

    def on_GetProgress(self, caller: str, message: Any) -> Any:
        answer = fusion_pb2.GetProgressResponse()
        for party, (announcement, _) in self.announcements.items():
            for count in announcement.counts:
                done = len([key for key in self.chunks if key[:2] == (party, count.type)])
                answer.types.add(party=party, type=count.type, points=done)
        return answer

    def on_GetSegment(self, caller: str, message: Any) -> Any:
        held = self.segments[message.name]
        return segment_pb2.Segment(name=held.name, definition=held.definition, universe=held.universe, version=1)

    def on_PutLeg(self, caller: str, message: Any) -> Any:
        self.legs.append(message)
        statement = from_wire(message.statement, LegUpload)
        return self.receipt(statement, statement.job)

    def on_RefuseTask(self, caller: str, message: Any) -> Any:
        self.refusals.append(message.statement)
        return agent_pb2.RefuseTaskResponse()

    def on_ListContracts(self, caller: str, message: Any) -> Any:
        view = contract_pb2.ContractView(document=self.contract.canonical_bytes(), state=self.state)
        view.signatures.add(signer=ZONE, signature=self.key.sign(self.contract))
        if self.revocation is not None:
            view.revocation.CopyFrom(self.revocation.statement)
            view.revocation_signature = self.revocation.signature
        return contract_pb2.ListContractsResponse(contracts=[view])

    def on_Sign(self, caller: str, message: Any) -> Any:
        return contract_pb2.ContractView(document=self.contract.canonical_bytes(), state="proposed")

    def on_Revoke(self, caller: str, message: Any) -> Any:
        return contract_pb2.ContractView(document=self.contract.canonical_bytes(), state="revoked")

    def on_PutLease(self, caller: str, message: Any) -> Any:
        lease = from_wire(message.statement, BudgetLease)
        VerifyKey(self.contract.party(caller).signing_key).verify(lease, message.signature)
        if lease not in self.leases:
            self.leases.append(lease)
        return budget_pb2.PutLeaseResponse()

    def on_ListCharges(self, caller: str, message: Any) -> Any:
        answer = budget_pb2.ListChargesResponse(
            leased_micro=sum(lease.rho_micro for lease in self.leases),
            spent_micro=sum(charge.rho_micro for charge, _ in self.charges),
        )
        for charge, signature in self.charges[message.after :]:
            answer.charges.add(statement=to_wire(charge, budget_pb2.BudgetCharge), signature=signature)
        return answer

    def on_PutSchema(self, caller: str, message: Any) -> Any:
        pages = self.schema_pages.setdefault((caller, message.statement.number), {})
        pages[message.page] = message.tags
        missing = [page for page in range(len(message.statement.page_digests)) if page not in pages]
        if missing:
            return catalogue_pb2.PutSchemaResponse(missing_page=missing[0])
        self.schemas[caller] = message
        return catalogue_pb2.PutSchemaResponse(receipt=self.receipt(from_wire(message.statement, PublishedSchema), ""))

    def on_GetSchema(self, caller: str, message: Any) -> Any:
        held = self.schemas.get(message.party)
        if held is None:
            return catalogue_pb2.GetSchemaResponse()
        tags = (
            self.schema_pages[message.party, held.statement.number][message.page] if message.HasField("page") else b""
        )
        return catalogue_pb2.GetSchemaResponse(statement=held.statement, signature=held.signature, tags=tags)

    def on_PutCharges(self, caller: str, message: Any) -> Any:
        held = {charge.sequence for charge, _ in self.charges}
        given = [(from_wire(signed.statement, BudgetCharge), signed.signature) for signed in message.charges]
        self.charges += [signed for signed in given if signed[0].sequence not in held]
        return budget_pb2.PutChargesResponse(taken_over=len(self.charges) - len(held))

    def revoke(self, home: Home, **changes: Any) -> None:
        """As if this party had revoked the contract."""
        revocation = Revocation(
            contract=self.contract.id,
            contract_digest=self.contract.digest(),
            party=home.info.name,
            reason="over",
            at=NOW,
        )
        revocation = replace(revocation, **changes)
        self.state = "revoked"
        self.revocation = contract_pb2.RevokeRequest(
            statement=to_wire(revocation, contract_pb2.Revocation), signature=home.signing_key.sign(revocation)
        )

    def charge(self, rho_micro: int, **changes: Any) -> None:
        """Charge the merchant for a release."""
        charge = BudgetCharge(
            contract=self.contract.id,
            owner=MERCHANT,
            sequence=len(self.charges) + 1,
            release="ab" * 32,
            purpose="size",
            rho_micro=rho_micro,
            spent_micro=sum(charge.rho_micro for charge, _ in self.charges) + rho_micro,
            at=NOW,
        )
        charge = replace(charge, **changes)
        self.charges.append((charge, self.key.sign(charge)))

    def joined(self, type_: str) -> int:
        """Equal tokens of one type."""
        sides = []
        for party in self.contract.parties:
            tokens = b"".join(
                value for (sender, of, _), value in sorted(self.tokens.items()) if (sender, of) == (party.name, type_)
            )
            sides.append({tokens[at : at + 16] for at in range(0, len(tokens), 16)})
        return len(sides[0] & sides[1])


class OfflineSession(Session):
    """A session whose calls go to a zone in memory."""

    def __init__(self, home: Home, zone: FakeZone, clock: Clock) -> None:
        super().__init__(home, clock=clock)
        self.fake_zone = zone

    def stub(self, service: Any) -> Any:
        return self.fake_zone.stub(self.name)


@dataclass
class World:
    merchant: Home
    platform: Home
    zone: FakeZone
    clock: Clock
    sessions: dict[str, OfflineSession] = field(default_factory=dict)

    def __post_init__(self) -> None:
        identity = zone_identity(self.zone.key)
        link = ZoneLink(address="127.0.0.1:1", zone=identity, signature=self.zone.key.sign(identity))
        for home in (self.merchant, self.platform):
            home.write_zone_link(link)

    @property
    def contract(self) -> Contract:
        return self.zone.contract

    def home(self, name: str) -> Home:
        return self.merchant if name == MERCHANT else self.platform

    def session(self, name: str) -> OfflineSession:
        if name not in self.sessions:
            self.sessions[name] = OfflineSession(self.home(name), self.zone, self.clock)
        return self.sessions[name]

    def restart(self, name: str) -> OfflineSession:
        """The party's process anew, with nothing but what is on its disk."""
        self.session(name).close()
        del self.sessions[name]
        return self.session(name)

    def accept(self, contract: Contract | None = None) -> None:
        """Both parties and the zone sign, and both parties know."""
        contract = contract or self.contract
        signatures = {
            MERCHANT: self.merchant.signing_key.sign(contract),
            PLATFORM: self.platform.signing_key.sign(contract),
            ZONE: self.zone.key.sign(contract),
        }
        for name in (MERCHANT, PLATFORM):
            self.session(name).accepted.accept(contract, name, signatures[name])
            self.session(name).accepted.keep_signatures(contract.id, signatures)

    def fuse_request(self, **changes: Any) -> tuple[FuseRequest, bytes]:
        request = FuseRequest(
            contract=self.contract.id,
            contract_digest=self.contract.digest(),
            job="fuse-1",
            epoch=1,
            sequence=0,
            generation=0,
            requester=MERCHANT,
            at=NOW,
        )
        request = replace(request, **changes)
        signer = self.platform if request.requester == PLATFORM else self.merchant
        return request, signer.signing_key.sign(request)

    def begin(self, **changes: Any) -> agent_pb2.FuseTask:
        return self.zone.begin(*self.fuse_request(**changes))
