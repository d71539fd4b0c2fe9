"""What the stand-in for a party answers with."""

from datetime import UTC, datetime
from functools import cache

from miyun.contract.draft import draft_contract
from miyun.contract.jobs import Job, JobKind, JobState
from miyun.contract.lifecycle import ContractState
from miyun.contract.model import Contract, IdentifierTerms, Universe
from miyun.keys.identity import Identity
from miyun.keys.signing import SigningKey
from miyun.keys.unsealing import SealingKey
from miyun.party.contracts import ContractInfo
from miyun.privacy.statements import SizeBand
from miyun.psi.statements import FusionReport, TypeMatches
from miyun.segments.listing import Segment, SegmentState

AT = datetime(2026, 11, 22, 8, 30, tzinfo=UTC)


@cache
def identity(name: str, role: str, kind: str | None = None) -> Identity:
    key = SigningKey.from_bytes(name.encode().ljust(32))
    return Identity(
        name=name,
        role=role,
        kind=kind,
        organisation=f"{name} Ltd",
        signing_key=key.verify_key.to_bytes(),
        sealing_key=SealingKey.generate().public_key.to_bytes() if role == "party" else None,
    )


def contract() -> Contract:
    return draft_contract(
        id="spring",
        zone=identity("hub", "zone"),
        merchant=identity("shop", "party", "merchant"),
        platform=identity("square", "party", "platform"),
        identifiers=[IdentifierTerms(type="phone", profile="e164-cn", evaluation_cap=1_000)],
        columns=["spend_90d"],
        starts=AT,
        expires=datetime(2027, 6, 30, tzinfo=UTC),
    )


def info(*, signers: tuple[str, ...] = (), state: ContractState = ContractState.PROPOSED) -> ContractInfo:
    return ContractInfo(contract=contract(), signers=signers, state=state, accepted=bool(signers))


def job(kind: str = "segment", state: JobState = JobState.DONE, subject: str = "sleepers@1") -> Job:
    return Job(
        id="j-1",
        contract="spring",
        kind=JobKind(kind),
        state=state,
        requester="shop",
        created=AT,
        updated=AT,
        waiting_for=("square",) if state is JobState.WAITING_FOR_PARTY else (),
        done=1,
        total=2,
        error_code="",
        error="",
        subject=subject,
    )


def segment(name: str = "sleepers") -> Segment:
    return Segment(
        name=name,
        code="crm-7",
        definition="members.spend_90d > 1000",
        universe=Universe.MATCHED,
        owner="shop",
        state=SegmentState.READY,
        version=2,
        epoch=2,
        channels=("ads",),
        hidden=False,
        processable=True,
        expires=AT,
        created=AT,
    )


def band(at_least: int, below: int | None) -> SizeBand:
    return SizeBand(contract="spring", segment="sleepers", version=1, at_least=at_least, below=below, at=AT)


REPORT = FusionReport(
    contract="spring",
    job="j-1",
    epoch=1,
    matches=(TypeMatches(type="phone", matched=4_561), TypeMatches(type="email", matched=-3)),
    noise_scale_milli=20_000,
    at=AT,
)
