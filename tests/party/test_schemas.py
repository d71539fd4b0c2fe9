"""What a party publishes, and what the other one takes: only what that party signed, and nothing older."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from miyun.errors import (
    ConfigError,
    ExpressionError,
    MalformedError,
    MiyunError,
    NotFoundError,
    PeerError,
    ReplayError,
    SignatureError,
)
from miyun.party.given_catalogues import given_catalogue, likely_catalogue
from miyun.party.progress import Warned
from miyun.party.publications import Published
from miyun.party.publishing import publish
from miyun.party.schemas import SchemasClient, check_columns, known_catalogue
from miyun.party.segments import SegmentsClient
from miyun.party.upkeep import Upkeep
from miyun.segments.parser import parse
from miyun.segments.publication import PublishedSchema
from miyun.transport.codec import from_wire, to_wire
from miyun.wire.v1 import catalogue_pb2 as wire
from tests.party.insight_world import CATALOGUE, TAGS
from tests.party.world import MERCHANT, NOW, PLATFORM, World, row, write_members

SECRET = '[members.attributes.risk]\ntype = "number"\nprivate = true\n'
AGE = '[members.attributes.age]\ntype = "number"\nrange = "0..120"\n'


@pytest.fixture
def shop(world: World) -> World:
    """The platform has tags, and a column that it keeps private."""
    write_members(world.platform.path, [row(1)], extra=SECRET + AGE + TAGS)
    (world.platform.path / "catalogue.csv").write_text(CATALOGUE, encoding="utf-8")
    return world


def published(world: World, **other: Any) -> PublishedSchema:
    return publish(world.session(PLATFORM), world.contract, **other)


def fetched(world: World) -> PublishedSchema:
    return SchemasClient(world.session(MERCHANT)).fetch(world.contract.id)


def test_names_types_and_ranges_are_published_and_what_is_private_is_not(shop: World) -> None:
    published(shop)
    schema = fetched(shop)
    assert [(column.name, column.type, column.low, column.high) for column in schema.columns] == [
        ("age", "number", "0", "120"),
        ("opted_out", "boolean", None, None),
        ("spend", "number", None, None),
    ]
    views = SchemasClient(shop.session(MERCHANT)).columns(shop.contract.id)
    assert [view.subject for view in views] == [
        "members.opted_out",
        "members.spend",
        "tags.age",
        "tags.opted_out",
        "tags.spend",
    ]


def test_the_catalogue_is_searched_without_the_zone(shop: World) -> None:
    published(shop)
    fetched(shop)
    config = shop.merchant.path / "party.toml"
    own = given_catalogue(config, PLATFORM)
    assert own.digest() == known_catalogue(shop.session(MERCHANT), shop.contract).digest()
    assert [own.id_of(place) for place in own.search("茶饮")] == ["tea"]
    assert likely_catalogue(config).digest() == own.digest()
    calls = len(shop.zone.sent(MERCHANT, "GetSchema"))
    fetched(shop)
    assert len(shop.zone.sent(MERCHANT, "GetSchema")) == calls + 1, "its pages are here already"


def test_a_new_number_when_a_file_changes_and_none_else(shop: World) -> None:
    assert published(shop).number == 1
    assert published(shop).number == 1
    assert len(shop.zone.sent(PLATFORM, "PutSchema")) == 1
    path = shop.platform.path / "catalogue.csv"
    path.write_text(CATALOGUE + "wine,Wine,interest,flag,,,\n", encoding="utf-8")
    assert published(shop).number == 2
    fetched(shop)
    assert known_catalogue(shop.session(MERCHANT), shop.contract).find("wine")
    config = shop.platform.path / "party.toml"
    config.write_text(config.read_text(encoding="utf-8") + "\n# a remark\n", encoding="utf-8")
    assert published(shop).number == 2
    assert len(shop.zone.sent(PLATFORM, "PutSchema")) == 2


def test_a_zone_that_lost_it_is_given_it_again(shop: World) -> None:
    first = published(shop)
    shop.zone.schemas.clear()
    assert published(shop) == first
    assert not shop.zone.schemas
    assert published(shop, again=True) == first
    assert fetched(shop) == first


def test_a_home_that_lost_it_goes_on_from_what_the_zone_has(shop: World) -> None:
    published(shop)
    shop.session(PLATFORM).publications.forget(shop.contract.id)
    (shop.platform.path / "catalogue.csv").write_text("id\nwine\n", encoding="utf-8")
    assert published(shop, again=True).number == 2


def test_of_two_processes_that_publish_at_once_the_first_counts(shop: World, monkeypatch: pytest.MonkeyPatch) -> None:
    first = published(shop)
    session, take = shop.session(PLATFORM), shop.zone.on_PutSchema
    second = replace(first, at=NOW + timedelta(seconds=1))
    session.publications.put(Published(statement=second, signature=session.sign(second), files="", acknowledged=False))

    def put(caller: str, message: Any) -> Any:
        held = shop.zone.schemas[caller].statement
        if held != message.statement and held.number >= message.statement.number:
            raise ReplayError("published before")
        return take(caller, message)

    monkeypatch.setattr(shop.zone, "on_PutSchema", put)

    assert published(shop) == first
    held = session.publications.get(shop.contract.id)
    assert held is not None
    assert (held.statement, held.acknowledged) == (first, True)
    (shop.platform.path / "catalogue.csv").write_text("id\nwine\n", encoding="utf-8")
    assert published(shop).number == 2


def forged(world: World, **changes: Any) -> wire.PutSchemaRequest:
    statement = replace(from_wire(world.zone.schemas[PLATFORM].statement, PublishedSchema), **changes)
    return wire.PutSchemaRequest(
        statement=to_wire(statement, wire.PublishedSchema), signature=world.platform.signing_key.sign(statement)
    )


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"contract": "other"}, MalformedError),
        ({"contract_digest": b"d" * 32}, MalformedError),
        ({"party": MERCHANT}, MalformedError),
        ({"number": 0}, MalformedError),
        ({"tags": 3}, MalformedError),
        ({"catalogue_digest": b"c" * 32}, MalformedError),
    ],
)
def test_what_was_signed_for_something_else_is_refused(shop: World, changes: Any, error: type[MiyunError]) -> None:
    published(shop)
    shop.zone.schemas[PLATFORM] = forged(shop, **changes)
    with pytest.raises(error):
        fetched(shop)
    assert shop.session(MERCHANT).given_schemas.catalogue(shop.contract.id, PLATFORM) is None


def test_what_the_zone_signs_itself_is_refused(shop: World) -> None:
    published(shop)
    request = forged(shop)
    request.signature = shop.zone.key.sign(from_wire(request.statement, PublishedSchema))
    shop.zone.schemas[PLATFORM] = request
    with pytest.raises(SignatureError):
        fetched(shop)


def test_a_page_that_the_zone_changed_is_refused(shop: World) -> None:
    published(shop)
    shop.zone.schema_pages[PLATFORM, 1][0] += b"\n"
    with pytest.raises(MalformedError):
        fetched(shop)


def test_the_zone_can_not_go_back_to_an_older_one(shop: World) -> None:
    published(shop)
    old = shop.zone.schemas[PLATFORM]
    (shop.platform.path / "catalogue.csv").write_text("id\nwine\n", encoding="utf-8")
    published(shop)
    fetched(shop)
    shop.zone.schemas[PLATFORM] = old
    with pytest.raises(ReplayError):
        fetched(shop)
    shop.zone.schemas[PLATFORM] = forged(shop, number=2)
    with pytest.raises(ReplayError):
        fetched(shop)


def test_a_damaged_file_is_fetched_again(shop: World) -> None:
    published(shop)
    fetched(shop)
    [tags] = (shop.merchant.path / "published").glob("*.tags")
    tags.write_bytes(b"[]\n")
    with pytest.raises(ConfigError):
        given_catalogue(shop.merchant.path / "party.toml", PLATFORM)
    fetched(shop)
    assert given_catalogue(shop.merchant.path / "party.toml", PLATFORM)


def test_a_zone_that_asks_for_pages_for_ever_is_left(shop: World) -> None:
    shop.zone.change = lambda _, method, answer: (
        wire.PutSchemaResponse(missing_page=0) if method == "PutSchema" else answer
    )
    with pytest.raises(PeerError):
        published(shop)
    shop.zone.change = lambda _, method, answer: (
        wire.PutSchemaResponse(missing_page=7) if method == "PutSchema" else answer
    )
    with pytest.raises(PeerError):
        published(shop)


@pytest.mark.parametrize(
    ("text", "position", "message", "hint"),
    [
        ("members.spent > 1 and tags.age > 3", 0, "no column", "members.spend"),
        ("members.spend > 1 and tags.agee > 3", 22, "no column", "tags.age"),
        ("members.spend > 1 and tags.age = 'x'", 33, "a number column", "tags.age > 1000"),
        ("members.spend > 1 and tags.risk > 3", 22, "no column", "Name a column"),
        ("tags.tea", 0, "tag of the platform's catalogue", "insight portrait"),
        ("not tags.spend", 4, "a number column", "tags.spend > 1000"),
    ],
)
def test_expressions_fit_the_columns_of_both(shop: World, text: str, position: int, message: str, hint: str) -> None:
    published(shop)
    client = SegmentsClient(shop.session(MERCHANT))
    with pytest.raises(ExpressionError, match=message) as error:
        client.create(shop.contract.id, "any", text)
    assert (error.value.position, error.value.text) == (position, text)
    assert hint in error.value.hint
    with pytest.raises(ExpressionError, match=message) as error:
        client.create(shop.contract.id, "any", parse(text))
    assert error.value.text[error.value.position :].startswith(text[position:][:8])
    assert not shop.zone.sent(MERCHANT, "CreateSegment")


def test_what_was_not_published_is_left_to_its_owner(shop: World) -> None:
    check_columns(shop.session(MERCHANT), shop.contract, parse("members.spend > 1 and tags.anything > 3"))
    published(shop)
    check_columns(shop.session(PLATFORM), shop.contract, parse("tags.risk > 1"))
    with pytest.raises(ExpressionError, match="catalogue"):
        check_columns(shop.session(PLATFORM), shop.contract, parse("tags.tea"))


def test_before_anything_is_published(shop: World) -> None:
    with pytest.raises(NotFoundError):
        fetched(shop)
    with pytest.raises(ConfigError):
        known_catalogue(shop.session(MERCHANT), shop.contract)


def test_agents_publish_and_fetch_and_forget_when_the_contract_is_over(shop: World) -> None:
    told: list[Any] = []
    for name in (PLATFORM, MERCHANT):
        Upkeep(shop.session(name), told.append).run()
    assert not [event for event in told if isinstance(event, Warned)]
    folder: Path = shop.merchant.path / "published"
    assert len(list(folder.iterdir())) == 3
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in folder.iterdir())
    shop.clock.now = shop.contract.expires
    Upkeep(shop.session(MERCHANT), told.append).run()
    assert not list(folder.iterdir())
    assert shop.session(MERCHANT).publications.get(shop.contract.id) is None
    assert shop.clock.now > NOW
