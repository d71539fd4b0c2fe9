"""Publishing segments as audiences, as a party does it."""

from typing import Any

from miyun.contract.model import Contract
from miyun.segments.audiences import Audience, Publication, Withdrawal
from miyun.transport.codec import from_wire, to_wire
from miyun.wire.v1 import audience_pb2 as wire
from miyun.wire.v1.audience_pb2_grpc import AudienceServiceStub
from tests.zone.members import NOW, Member


def publication(member: Member, contract: Contract, segment: str, **changes: Any) -> wire.PublishAudienceRequest:
    statement = Publication(
        **{
            "contract": contract.id,
            "contract_digest": contract.digest(),
            "segment": segment,
            "owner": member.name,
            "title_en": "Tea drinkers",
            "title_zh": "爱喝茶的人",
            "description_en": "Bought tea in the last month",
            "description_zh": "最近一个月买过茶",
            "category": "drinks",
            "at": NOW,
            **changes,
        }
    )
    return wire.PublishAudienceRequest(statement=to_wire(statement, wire.Publication), signature=member.sign(statement))


def withdrawal(member: Member, contract: Contract, segment: str, **changes: Any) -> wire.WithdrawAudienceRequest:
    statement = Withdrawal(
        **{
            "contract": contract.id,
            "contract_digest": contract.digest(),
            "segment": segment,
            "owner": member.name,
            "at": NOW,
            **changes,
        }
    )
    return wire.WithdrawAudienceRequest(statement=to_wire(statement, wire.Withdrawal), signature=member.sign(statement))


def publish(member: Member, contract: Contract, segment: str, **changes: Any) -> None:
    AudienceServiceStub(member.channel).PublishAudience(publication(member, contract, segment, **changes))


def withdraw(member: Member, contract: Contract, segment: str, **changes: Any) -> None:
    AudienceServiceStub(member.channel).WithdrawAudience(withdrawal(member, contract, segment, **changes))


def found(member: Member, contract: Contract, words: str = "", **search: Any) -> list[Audience]:
    request = wire.ListAudiencesRequest(contract=contract.id, words=words, **search)
    return [from_wire(one, Audience) for one in AudienceServiceStub(member.channel).ListAudiences(request).audiences]


def names(member: Member, contract: Contract, words: str = "", **search: Any) -> list[str]:
    return [audience.segment.name for audience in found(member, contract, words, **search)]
