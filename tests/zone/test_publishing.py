"""What parties publish at the zone: whole or not at all, newest first, for the other party of the contract alone."""

import hashlib
from dataclasses import replace
from typing import Any

import pytest

from miyun.contract.model import Contract
from miyun.contract.schema import ColumnType
from miyun.errors import (
    ContractError,
    MalformedError,
    NotFoundError,
    NotPermittedError,
    ReplayError,
    SignatureError,
    StateError,
)
from miyun.segments.publication import (
    MOST_COLUMNS,
    MOST_PAGE_BYTES,
    MOST_PAGES,
    PublishedColumn,
    PublishedSchema,
)
from miyun.transport.codec import from_wire, to_wire
from miyun.wire.v1 import catalogue_pb2 as wire
from miyun.wire.v1.catalogue_pb2_grpc import CatalogueServiceStub
from tests.zone.asking import RHO, ask, asked_contract, question
from tests.zone.members import DAY, MERCHANT, NOW, PLATFORM, Member, World

PAGES = (b'["tea"]\n', b'["coffee"]\n', b'["wine"]\n')
COLUMNS = (
    PublishedColumn(name="age", type=ColumnType.NUMBER, low="0", high="120"),
    PublishedColumn(name="city", type=ColumnType.TEXT),
)


@pytest.fixture
def contract(world: World, request: pytest.FixtureRequest) -> Contract:
    return world.agree(f"c-{hashlib.sha256(request.node.name.encode()).hexdigest()[:16]}")


def schema(contract: Contract, pages: tuple[bytes, ...] = PAGES, **changes: Any) -> PublishedSchema:
    statement = PublishedSchema(
        contract=contract.id,
        contract_digest=contract.digest(),
        party=PLATFORM,
        number=1,
        columns=COLUMNS,
        catalogue_digest=b"c" * 32 if pages else b"",
        tags=len(pages),
        page_digests=tuple(hashlib.sha256(page).digest() for page in pages),
        at=NOW,
    )
    return replace(statement, **changes)


def put(
    member: Member, statement: PublishedSchema, page: int = 0, tags: bytes = b"", signer: Member | None = None
) -> wire.PutSchemaResponse:
    request = wire.PutSchemaRequest(
        statement=to_wire(statement, wire.PublishedSchema),
        signature=(signer or member).sign(statement),
        page=page,
        tags=tags,
    )
    return CatalogueServiceStub(member.channel).PutSchema(request)


def publish(member: Member, statement: PublishedSchema, pages: tuple[bytes, ...] = PAGES) -> wire.PutSchemaResponse:
    answers = [put(member, statement, page, tags) for page, tags in enumerate(pages)] or [put(member, statement)]
    return answers[-1]


def get(member: Member, contract: Contract, party: str = PLATFORM, **other: Any) -> wire.GetSchemaResponse:
    request = wire.GetSchemaRequest(contract=contract.id, party=party, **other)
    return CatalogueServiceStub(member.channel).GetSchema(request)


def test_pages_come_in_any_order_and_are_given_when_all_are_here(world: World, contract: Contract) -> None:
    statement = schema(contract)
    assert put(world.platform, statement, 2, PAGES[2]).missing_page == 0
    assert put(world.platform, statement, 0, PAGES[0]).missing_page == 1
    assert put(world.platform, statement, 0, PAGES[0]).missing_page == 1
    assert not get(world.merchant, contract).HasField("statement")
    assert put(world.platform, statement, 1, PAGES[1]).HasField("receipt")
    answer = get(world.merchant, contract)
    assert from_wire(answer.statement, PublishedSchema) == statement
    world.platform.home.signing_key.verify_key.verify(statement, answer.signature)
    assert [get(world.merchant, contract, number=1, page=page).tags for page in range(3)] == list(PAGES)
    assert put(world.platform, statement, 1, PAGES[1]).HasField("receipt")


def test_a_schema_without_a_catalogue_is_whole_at_once(world: World, contract: Contract) -> None:
    statement = schema(contract, (), party=MERCHANT)
    assert put(world.merchant, statement).HasField("receipt")
    assert from_wire(get(world.platform, contract, MERCHANT).statement, PublishedSchema) == statement


def test_a_newer_one_takes_the_place_of_an_older_one_when_it_is_whole(world: World, contract: Contract) -> None:
    first, second, third = (schema(contract, number=number) for number in (1, 2, 3))
    publish(world.platform, first)
    put(world.platform, second, 0, PAGES[0])
    assert get(world.merchant, contract).statement.number == 1
    put(world.platform, third, 0, PAGES[0])
    with pytest.raises(ReplayError):
        put(world.platform, second, 1, PAGES[1])
    assert put(world.platform, third, 2, PAGES[2]).missing_page == 1
    assert put(world.platform, third, 1, PAGES[1]).HasField("receipt")
    assert get(world.merchant, contract).statement.number == 3
    with pytest.raises(StateError):
        get(world.merchant, contract, number=1, page=0)


def test_a_number_stands_for_one_statement_and_does_not_go_back(world: World, contract: Contract) -> None:
    publish(world.platform, schema(contract, number=2))
    with pytest.raises(ReplayError):
        put(world.platform, schema(contract, number=2, columns=COLUMNS[:1]), 0, PAGES[0])
    with pytest.raises(ReplayError):
        put(world.platform, schema(contract, number=1), 0, PAGES[0])


BIG = b"x" * (MOST_PAGE_BYTES + 1)


@pytest.mark.parametrize(
    "changes",
    [
        {"number": 0},
        {"columns": COLUMNS[::-1]},
        {"columns": (COLUMNS[0], COLUMNS[0])},
        {"columns": (replace(COLUMNS[1], low="1"),)},
        {"columns": (replace(COLUMNS[0], low="9", high="1"),)},
        {"columns": (replace(COLUMNS[0], low="1e99"),)},
        {"columns": (replace(COLUMNS[0], name="a\x1b[2J"),)},
        {"columns": (replace(COLUMNS[0], name="a" * 257),)},
        {"columns": (replace(COLUMNS[0], name=" "),)},
        {"columns": tuple(replace(COLUMNS[1], name=f"c{n:05}") for n in range(MOST_COLUMNS + 1))},
        {"catalogue_digest": b""},
        {"catalogue_digest": b"c"},
        {"tags": 0},
        {"page_digests": ()},
        {"page_digests": (b"short",)},
        {"page_digests": (b"d" * 32,) * (MOST_PAGES + 1)},
        {"page_digests": (hashlib.sha256(BIG).digest(),), "tags": 1},
    ],
)
def test_what_can_not_be_is_refused(world: World, contract: Contract, changes: dict[str, Any]) -> None:
    tags = BIG if len(changes.get("page_digests", ())) == 1 and changes.get("tags") == 1 else PAGES[0]
    with pytest.raises(MalformedError):
        put(world.platform, schema(contract, **changes), 0, tags)


@pytest.mark.parametrize(("page", "tags"), [(0, PAGES[1]), (3, PAGES[0]), (0, b""), (2**31, PAGES[0])])
def test_a_page_that_was_not_signed_is_refused(world: World, contract: Contract, page: int, tags: bytes) -> None:
    with pytest.raises(MalformedError):
        put(world.platform, schema(contract), page, tags)


def test_nobody_publishes_for_another(world: World, contract: Contract) -> None:
    with pytest.raises(SignatureError):
        put(world.merchant, schema(contract), 0, PAGES[0], signer=world.platform)
    with pytest.raises(SignatureError):
        put(world.platform, schema(contract), 0, PAGES[0], signer=world.merchant)
    with pytest.raises(ContractError):
        put(world.platform, schema(contract, contract_digest=b"d" * 32), 0, PAGES[0])
    with pytest.raises(NotFoundError):
        put(world.stranger, schema(contract), 0, PAGES[0])


def test_what_is_published_is_for_the_parties_while_the_contract_is_in_force(world: World, contract: Contract) -> None:
    publish(world.platform, schema(contract))
    with pytest.raises(NotFoundError):
        get(world.stranger, contract)
    with pytest.raises(NotPermittedError):
        get(world.merchant, contract, "nobody")
    with pytest.raises(NotFoundError):
        get(world.merchant, contract, number=1, page=3)
    world.clock.now = contract.expires + DAY
    with pytest.raises(ContractError):
        get(world.merchant, contract)


def test_a_question_by_an_older_catalogue_than_was_published_is_refused_and_not_charged(world: World) -> None:
    fused = asked_contract(world, "older-catalogue")
    merchant, platform, contract = world.merchant, world.platform, fused.contract
    publish(platform, schema(contract))
    spent = [party.charges(contract).spent_micro for party in world.parties]

    with pytest.raises(StateError, match="nothing was charged"):
        ask(merchant, question(fused))
    put(platform, schema(contract, number=2, catalogue_digest=bytes(32)), 0, PAGES[0])
    with pytest.raises(StateError, match="another catalogue"):
        ask(merchant, question(fused, catalogue_digest=b"c" * 32))
    assert [party.charges(contract).spent_micro for party in world.parties] == spent

    assert ask(merchant, question(fused)).state == "waiting-for-party"
    assert [party.charges(contract).spent_micro for party in world.parties] == [before + RHO for before in spent]


def test_parts_by_score_are_of_no_catalogue_that_is_published(world: World) -> None:
    fused = asked_contract(world, "score-catalogue")
    publish(world.platform, schema(fused.contract))
    scores = {"branches": ("lookalike:tea",), "tag_count": 10, "per_person": 1, "numbers": ()}

    assert ask(world.merchant, question(fused, **scores)).state == "waiting-for-party"


def test_who_publishes_no_catalogue_decides_alone(world: World) -> None:
    fused = asked_contract(world, "no-catalogue")
    publish(world.platform, schema(fused.contract, pages=()), ())

    assert ask(world.merchant, question(fused)).state == "waiting-for-party"
