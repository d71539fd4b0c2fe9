"""Hand-made members of a zone: they sign with their own keys and call its services over mutual TLS."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import grpc

from miyun.contract.draft import draft_contract
from miyun.contract.jobs import Job
from miyun.contract.lifecycle import SignedContract
from miyun.contract.model import Budget, Contract, IdentifierTerms, Universe
from miyun.contract.statements import Delegation, Revocation
from miyun.keys.create import create_home
from miyun.keys.home import Home, HomeInfo, Role
from miyun.keys.unlock import KeyFile
from miyun.keys.unsealing import sealing_key
from miyun.privacy.statements import BudgetCharge, BudgetLease, SizeBand, SizeRequest
from miyun.records import Statement
from miyun.segments.expansion import Meaning, expand
from miyun.segments.parser import parse
from miyun.segments.planning import plan
from miyun.segments.statements import ActivationRequest, SegmentAction, SegmentChange, SegmentRequest
from miyun.transport.channel import connect
from miyun.transport.codec import from_wire, to_wire
from miyun.transport.enrol import enrol
from miyun.wire.v1 import (
    activation_pb2,
    activation_pb2_grpc,
    agent_pb2,
    agent_pb2_grpc,
    audit_pb2,
    audit_pb2_grpc,
    budget_pb2,
    budget_pb2_grpc,
    contract_pb2,
    contract_pb2_grpc,
    fusion_pb2_grpc,
    identity_pb2_grpc,
    job_pb2,
    job_pb2_grpc,
    segment_pb2,
    segment_pb2_grpc,
    size_pb2,
    size_pb2_grpc,
)
from miyun.zone.config import ZoneConfig, write_config
from miyun.zone.facade import Zone

MERCHANT, PLATFORM, STRANGER, ANALYST, ZONE = "teahouse", "chessboard", "bakery", "lab", "meeting-place"
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
DAY = timedelta(days=1)
TYPES = ("phone", "email")

AMPLE = Budget(
    rho_micro=9 * 10**15,
    size_rho_micro=10**13,
    match_report_rho_micro=10**13,
    lease_rho_micro=10**15,
    delta_exponent=9,
    suppress_below=0,
)
"""A budget so ample that the noise is zero: results can be compared with a plaintext model."""

S = TypeVar("S", bound=Statement)


@dataclass
class Clock:
    now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now


class Member:
    """A party or an analyst, with a connection of its own."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self.name = home.info.name
        self._channel: grpc.Channel | None = None

    @property
    def channel(self) -> grpc.Channel:
        if self._channel is None:
            self._channel = connect(self.home)
        return self._channel

    def disconnect(self) -> None:
        if self._channel is not None:
            self._channel.close()
            self._channel = None

    def sign(self, statement: Statement) -> bytes:
        return self.home.signing_key.sign(statement)

    @property
    def contracts(self) -> contract_pb2_grpc.ContractServiceStub:
        return contract_pb2_grpc.ContractServiceStub(self.channel)

    @property
    def fusions(self) -> fusion_pb2_grpc.FusionServiceStub:
        return fusion_pb2_grpc.FusionServiceStub(self.channel)

    @property
    def segments(self) -> segment_pb2_grpc.SegmentServiceStub:
        return segment_pb2_grpc.SegmentServiceStub(self.channel)

    @property
    def activations(self) -> activation_pb2_grpc.ActivationServiceStub:
        return activation_pb2_grpc.ActivationServiceStub(self.channel)

    @property
    def budget(self) -> budget_pb2_grpc.BudgetServiceStub:
        return budget_pb2_grpc.BudgetServiceStub(self.channel)

    @property
    def agent(self) -> agent_pb2_grpc.AgentServiceStub:
        return agent_pb2_grpc.AgentServiceStub(self.channel)

    @property
    def jobs(self) -> job_pb2_grpc.JobServiceStub:
        return job_pb2_grpc.JobServiceStub(self.channel)

    @property
    def audit(self) -> audit_pb2_grpc.AuditServiceStub:
        return audit_pb2_grpc.AuditServiceStub(self.channel)

    @property
    def sizes(self) -> size_pb2_grpc.SizeServiceStub:
        return size_pb2_grpc.SizeServiceStub(self.channel)

    @property
    def directory(self) -> identity_pb2_grpc.DirectoryServiceStub:
        return identity_pb2_grpc.DirectoryServiceStub(self.channel)

    def propose(self, contract: Contract) -> contract_pb2.ContractView:
        return self.contracts.Propose(contract_pb2.ProposeRequest(document=contract.canonical_bytes()))

    def sign_contract(self, contract: Contract) -> contract_pb2.ContractView:
        signature = contract_pb2.ContractSignature(signer=self.name, signature=self.sign(contract))
        return self.contracts.Sign(contract_pb2.SignContractRequest(contract=contract.id, signature=signature))

    def activate_contract(self, contract: Contract) -> contract_pb2.ContractView:
        return self.contracts.Activate(contract_pb2.ActivateContractRequest(contract=contract.id))

    def revoke(self, contract: Contract, at: datetime = NOW) -> contract_pb2.ContractView:
        statement = Revocation(
            contract=contract.id, contract_digest=contract.digest(), party=self.name, reason="over", at=at
        )
        message = contract_pb2.RevokeRequest(
            statement=to_wire(statement, contract_pb2.Revocation), signature=self.sign(statement)
        )
        return self.contracts.Revoke(message)

    def delegate(self, contract: Contract, analyst: "Member", *, expires: datetime = NOW + DAY) -> None:
        statement = Delegation(
            contract=contract.id,
            contract_digest=contract.digest(),
            party=self.name,
            analyst=analyst.name,
            analyst_key=analyst.home.signing_key.verify_key.to_bytes(),
            expires=expires,
            at=NOW,
        )
        message = contract_pb2.DelegateRequest(
            statement=to_wire(statement, contract_pb2.Delegation), signature=self.sign(statement)
        )
        self.contracts.Delegate(message)

    def lease(self, contract: Contract, sequence: int, rho_micro: int, *, expires: datetime | None = None) -> None:
        """Sign a lease, having checked in."""
        self.check_in(contract)
        statement = BudgetLease(
            contract=contract.id,
            contract_digest=contract.digest(),
            owner=self.name,
            sequence=sequence,
            rho_micro=rho_micro,
            expires=expires or contract.expires,
            at=NOW,
        )
        message = budget_pb2.PutLeaseRequest(
            statement=to_wire(statement, budget_pb2.BudgetLease), signature=self.sign(statement)
        )
        self.budget.PutLease(message)

    def charges(self, contract: Contract) -> budget_pb2.ListChargesResponse:
        return self.check_in(contract)

    def check_in(self, contract: Contract, *held: budget_pb2.SignedBudgetCharge) -> budget_pb2.ListChargesResponse:
        """Ask for charges as the owner of those that it holds."""
        newest = from_wire(held[-1].statement, BudgetCharge).digest() if held else b""
        request = budget_pb2.ListChargesRequest(contract=contract.id, after=len(held), newest=newest)
        return self.budget.ListCharges(request)

    def size(self, contract: Contract, segment: str, version: int = 0, **other: Any) -> SizeBand:
        statement = SizeRequest(
            contract=contract.id, segment=segment, version=version, asker=other.get("asker", self.name), at=NOW
        )
        message = size_pb2.AskSizeRequest(
            statement=to_wire(statement, size_pb2.SizeRequest), signature=other.get("signer", self).sign(statement)
        )
        answer = self.sizes.AskSize(message)
        band = from_wire(answer.statement, SizeBand)
        self.home.zone_link().verify_key().verify(band, answer.signature)
        return band

    def quote(self, contract: Contract, segment: str) -> tuple[int, int]:
        answer = self.sizes.QuoteSize(size_pb2.QuoteSizeRequest(contract=contract.id, segment=segment))
        return answer.rho_micro, answer.remaining_micro

    def create_segment(
        self, contract: Contract, name: str, definition: str, **other: Any
    ) -> segment_pb2.CreateSegmentResponse:
        statement = SegmentRequest(
            contract=contract.id,
            contract_digest=contract.digest(),
            job=other.get("job", f"segment-{name}"),
            name=name,
            code=other.get("code", ""),
            definition=parse(definition).text(),
            universe=other.get("universe", Universe.MATCHED),
            owner=other.get("owner", self.name),
            channels=other.get("channels", ("member-messages", "platform-ads")),
            hidden=other.get("hidden", False),
            processable=other.get("processable", True),
            expires=other.get("expires", contract.expires),
            at=other.get("at", NOW),
        )
        message = segment_pb2.CreateSegmentRequest(
            statement=to_wire(statement, segment_pb2.SegmentRequest), signature=self.sign(statement)
        )
        return self.segments.CreateSegment(message)

    def change_segment(
        self, contract: Contract, segment: str, change: str, new_name: str = "", **other: Any
    ) -> segment_pb2.ChangeSegmentResponse:
        return self.segments.ChangeSegment(self.change_message(contract, segment, change, new_name, **other))

    def change_message(
        self, contract: Contract, segment: str, change: str, new_name: str = "", **other: Any
    ) -> segment_pb2.ChangeSegmentRequest:
        statement = SegmentChange(
            contract=contract.id,
            contract_digest=contract.digest(),
            segment=segment,
            owner=self.name,
            change=SegmentAction(change),
            new_name=new_name,
            channels=other.get("channels", ()),
            expires=other.get("expires"),
            at=other.get("at", NOW),
        )
        return segment_pb2.ChangeSegmentRequest(
            statement=to_wire(statement, segment_pb2.SegmentChange), signature=self.sign(statement)
        )

    def segment(self, contract: Contract, name: str) -> segment_pb2.Segment:
        return self.segments.GetSegment(segment_pb2.GetSegmentRequest(contract=contract.id, name=name))

    def request_activation(
        self, contract: Contract, segment: str, recipient: str, channel: str, **other: Any
    ) -> activation_pb2.RequestActivationResponse:
        key = other.get("key", f"{segment}-{recipient}")
        meaning = self.written_out(contract, segment)
        statement = ActivationRequest(
            contract=contract.id,
            contract_digest=contract.digest(),
            job=other.get("job", f"activate-{key}"),
            segment=segment,
            version=other.get("version", 0),
            definition=other.get("definition") or meaning.expression.text(),
            universe=other.get("universe", meaning.universe),
            recipient=recipient,
            channel=channel,
            requester=self.name,
            idempotency_key=key,
            at=other.get("at", NOW),
        )
        message = activation_pb2.RequestActivationRequest(
            statement=to_wire(statement, activation_pb2.ActivationRequest), signature=self.sign(statement)
        )
        return self.activations.RequestActivation(message)

    def written_out(self, contract: Contract, segment: str) -> Meaning:
        """A segment's definition without names."""
        found = self.segment(contract, segment)
        expression, universe = parse(found.definition), Universe(found.universe)
        names = plan(expression, universe).segments
        return expand(expression, universe, {name: self.written_out(contract, name) for name in names})

    def tasks(self, wait_seconds: int = 0) -> list[agent_pb2.Task]:
        return list(self.agent.NextTasks(agent_pb2.NextTasksRequest(wait_seconds=wait_seconds)).tasks)

    def job(self, contract: Contract, job: str) -> Job:
        return from_wire(self.jobs.GetJob(job_pb2.GetJobRequest(contract=contract.id, job=job)), Job)

    def entries(self, contract: Contract, after: int = 0, limit: int = 0) -> audit_pb2.ListEntriesResponse:
        return self.audit.ListEntries(audit_pb2.ListEntriesRequest(contract=contract.id, after=after, limit=limit))

    def open_sealed(self, sealed: bytes, info: bytes) -> bytes:
        return sealing_key(self.home).open(sealed, info)


class World:
    """A running zone with two parties that agree, a third party that has no part in it, and an analyst."""

    def __init__(self, folder: Path, *, database: str = "sqlite:///zone.sqlite") -> None:
        self.folder = folder
        self.clock = Clock()
        self.key = KeyFile(folder / "unlock.key")
        self._make_home(ZONE, Role.ZONE)
        config = ZoneConfig(address="127.0.0.1:0", enrolment_address="127.0.0.1:0", database=database)
        write_config(folder / ZONE, config)
        self.zone = self._open_zone()
        self.zone.start()
        self.merchant = self._enrolled(MERCHANT, Role.PARTY, "merchant")
        self.platform = self._enrolled(PLATFORM, Role.PARTY, "platform")
        self.stranger = self._enrolled(STRANGER, Role.PARTY, "merchant")
        self.analyst = self._enrolled(ANALYST, Role.ANALYST)

    @property
    def everybody(self) -> tuple[Member, ...]:
        return self.merchant, self.platform, self.stranger, self.analyst

    @property
    def parties(self) -> tuple[Member, Member]:
        return self.merchant, self.platform

    def restart(self, *, start: bool = True) -> None:
        """Close the zone and open it anew from its home; it gets new ports."""
        self.zone.close()
        for member in self.everybody:
            member.disconnect()
        self.zone = self._open_zone()
        if start:
            self.start()

    def start(self) -> None:
        self.zone.start()
        for member in self.everybody:
            link = member.home.zone_link()
            member.home.write_zone_link(type(link)(address=self.zone.address, zone=link.zone, signature=link.signature))

    def close(self) -> None:
        for member in self.everybody:
            member.disconnect()
        self.zone.close()

    def draft(self, id_: str, **choices: Any) -> Contract:
        identifiers = tuple(
            IdentifierTerms(type=type_, profile="plain", evaluation_cap=choices.pop("cap", 100_000))
            for type_ in choices.pop("types", TYPES)
        )
        return draft_contract(
            id=id_,
            zone=self.zone.identity,
            merchant=choices.pop("merchant", self.merchant).home.identity()[0],
            platform=self.platform.home.identity()[0],
            identifiers=identifiers,
            starts=NOW - DAY,
            expires=choices.pop("expires", NOW + 30 * DAY),
            columns=choices.pop("columns", ("spend", "opted_in")),
            padding_bucket=1,
            budget=choices.pop("budget", AMPLE),
            **choices,
        )

    def agree(self, id_: str, **choices: Any) -> Contract:
        """An active contract."""
        contract = self.draft(id_, **choices)
        self.merchant.propose(contract)
        for party in self.parties:
            party.sign_contract(contract)
        view = self.merchant.activate_contract(contract)
        assert view.state == "active"
        return contract

    def finished(self, contract: Contract, job: str) -> Job:
        """The job, once it is done or failed."""
        listener = self.zone._core.bell.listen(MERCHANT)
        while not (found := self.merchant.job(contract, job)).state.ended:
            assert listener.wait(20), found
        return found

    def signed(self, contract: Contract) -> SignedContract:
        return next(signed for signed in self.zone.contracts() if signed.contract.id == contract.id)

    def _open_zone(self) -> Zone:
        return Zone.open(self.folder / ZONE, self.key, clock=self.clock)

    def _make_home(self, name: str, role: Role, kind: str | None = None) -> Home:
        info = HomeInfo(name=name, role=role, kind=kind, organisation=name.title(), created=NOW)
        return create_home(self.folder / name, info, self.key)

    def _enrolled(self, name: str, role: Role, kind: str | None = None) -> Member:
        home = self._make_home(name, role, kind)
        enrol(home, self.zone.invite(role, name))
        return Member(home)


@contextmanager
def running(folder: Path, *, database: str = "sqlite:///zone.sqlite") -> Iterator[World]:
    world = World(folder, database=database)
    try:
        yield world
    finally:
        world.close()


def token(contract: Contract, epoch: int, type_: str, value: str) -> bytes:
    """A stand-in for a join token: a function of exactly what a real one is a function of."""
    return hashlib.sha256(f"{contract.id}/{epoch}/{type_}/{value}".encode()).digest()[:16]
