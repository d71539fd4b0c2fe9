"""Two parties match by PAIR with their own keys, under a contract that pins who shares a salt with whom."""

import csv
import random
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from miyun.errors import ContractError, InputError, MalformedError, MiyunError, SignatureError, SourceError, StateError
from miyun.pair.eids import user_eids
from miyun.pair.ids import AdvertiserIds, PairIds, PublisherIds, match_key
from miyun.pair.lint import lint
from miyun.pair.salts import SealedSalt
from miyun.pair.store import Use
from miyun.party.pair import PairClient
from tests.party.world import MERCHANT, PLATFORM, World


@pytest.fixture
def publisher(world: World) -> PairClient:
    return PairClient(world.session(PLATFORM))


@pytest.fixture
def advertiser(world: World) -> PairClient:
    return PairClient(world.session(MERCHANT))


def shared(publisher: PairClient, name: str = "news", generation: int = 0) -> SealedSalt:
    """What reaches the advertiser as a file."""
    return SealedSalt.from_canonical(publisher.share(name, "spring", generation).canonical_bytes())


def keys_of(people: range) -> list[str]:
    return [match_key(f"person{number}@example.com") for number in people]


def bids(publisher: PairClient, advertiser: PairClient, users: list[str], customers: list[str]) -> set[str]:
    """The match as PAIR has it between two clean rooms; gives what the advertiser's buyer looks for."""
    today = publisher.today()
    [own] = publisher.keys.publisher("news", Use.MATCH, today)
    [theirs] = advertiser.keys.advertiser("shop", Use.MATCH, today)
    to_advertiser, to_publisher = own.ids(users).encode(), theirs.ids(customers).encode()
    random.shuffle(to_advertiser)
    random.shuffle(to_publisher)
    of_customers = own.join(AdvertiserIds.decode(to_publisher)).encode()
    random.shuffle(of_customers)
    of_users = theirs.join(PublisherIds.decode(to_advertiser)).encode()
    return set(theirs.leave(PairIds.decode(sorted(set(of_users) & set(of_customers)))).encode())


def test_a_match_gives_the_common_people_through_a_rotation(
    world: World, publisher: PairClient, advertiser: PairClient
) -> None:
    publisher.create("news")
    advertiser.create_with("shop", "spring", shared(publisher))
    users, customers = keys_of(range(60)), keys_of(range(40, 90))
    sought = bids(publisher, advertiser, users, customers)
    world.clock.now += timedelta(days=24)
    publisher.rotate("news")
    advertiser.rotate_with("shop", "spring", shared(publisher))
    world.clock.now += timedelta(days=7)
    for person in (39, 40, 59):
        emitted = [
            one.ids(keys_of(range(person, person + 1)))
            for one in publisher.keys.publisher("news", Use.EMIT, publisher.today())
        ]
        assert len(emitted) == 2
        both = PublisherIds(b"".join(one.points for one in emitted))
        request = user_eids(both, inserter="news.example.com", matcher="example.com")
        assert lint(request) == []
        seen = {uid["id"] for uid in request["user"]["eids"][0]["uids"]}
        assert bool(seen & sought) == (person >= 40), "the campaign of before goes on in the overlap"
    renewed = bids(publisher, advertiser, users, customers)
    assert len(renewed) == len(sought) == 20
    assert not renewed & sought


def test_advertisers_hear_of_a_leak_with_the_next_salt(publisher: PairClient, advertiser: PairClient) -> None:
    publisher.create("news")
    advertiser.create_with("shop", "spring", shared(publisher))
    publisher.withdraw("news")
    advertiser.rotate_with("shop", "spring", shared(publisher))
    today = publisher.today()
    own, theirs = (
        publisher.keys.publisher("news", Use.ACCEPT, today),
        advertiser.keys.advertiser("shop", Use.ACCEPT, today),
    )
    assert [one.generation.salt for one in own] == [one.generation.salt for one in theirs] == [2]
    users = keys_of(range(3))
    assert len(bids(publisher, advertiser, users, users)) == 3


def of_nobody(sealed: SealedSalt) -> SealedSalt:
    return replace(sealed, signature=bytes(64))


def longer_ago(sealed: SealedSalt) -> SealedSalt:
    return replace(sealed, grant=replace(sealed.grant, since=sealed.grant.since - timedelta(days=1)))


def other_bytes(sealed: SealedSalt) -> SealedSalt:
    return replace(sealed, sealed=sealed.sealed[:-1] + bytes([sealed.sealed[-1] ^ 1]))


@pytest.mark.parametrize("forge", [of_nobody, longer_ago, other_bytes])
def test_a_salt_that_the_publisher_did_not_sign_is_refused(
    publisher: PairClient, advertiser: PairClient, forge: Callable[[SealedSalt], SealedSalt]
) -> None:
    publisher.create("news")
    with pytest.raises((SignatureError, MalformedError)):
        advertiser.create_with("shop", "spring", forge(shared(publisher)))
    assert advertiser.keys.list() == ()


def test_a_salt_is_for_one_party_and_one_contract(world: World, publisher: PairClient, advertiser: PairClient) -> None:
    publisher.create("news")
    with pytest.raises(SignatureError):
        publisher.create_with("own", "spring", shared(publisher))
    signed = shared(publisher)
    for grant in (
        replace(signed.grant, contract_digest=bytes(32)),
        replace(signed.grant, advertiser=PLATFORM),
        replace(signed.grant, publisher="elsewhere"),
        replace(signed.grant, number=0),
    ):
        foreign = replace(signed, grant=grant, signature=world.platform.signing_key.sign(grant))
        with pytest.raises(MalformedError, match="another contract or another party"):
            advertiser.create_with("shop", "spring", foreign)


def test_without_a_contract_in_force_no_salt_moves(world: World, publisher: PairClient, advertiser: PairClient) -> None:
    publisher.create("news")
    sealed = shared(publisher)
    with pytest.raises(ContractError):
        publisher.share("news", "summer")
    world.clock.now += timedelta(days=31)
    for step in (lambda: publisher.share("news", "spring"), lambda: advertiser.create_with("shop", "spring", sealed)):
        with pytest.raises(ContractError, match="expired"):
            step()


@pytest.mark.parametrize("data", [b"", b"{}", b"\xff" * 50, b"[" * 50_000])
def test_a_file_that_is_no_salt_is_refused(data: bytes) -> None:
    with pytest.raises(MalformedError):
        SealedSalt.from_canonical(data)


def written(path: Path) -> list[dict[str, str]]:
    if path.suffix == ".parquet":
        return [{name: str(value) for name, value in row.items()} for row in pq.read_table(path).to_pylist()]
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
@pytest.mark.parametrize("wanted", [".csv", ".parquet"])
def test_a_file_of_addresses_becomes_one_of_ids(
    world: World, publisher: PairClient, tmp_path: Path, suffix: str, wanted: str
) -> None:
    publisher.create("news")
    publisher.rotate("news")
    world.clock.now += timedelta(days=29)
    publisher.rotate("news")
    world.clock.now += timedelta(days=2)
    cells = [" Person1@Example.COM ", "nobody", "", "person2@example.com", match_key("x")]
    source, out = tmp_path / f"in{suffix}", tmp_path / f"out{wanted}"
    if suffix == ".csv":
        rows = "".join(f"u{number},{cell}\r\n" for number, cell in enumerate(cells))
        source.write_text(f"id,mail\r\n{rows}u9,a,b,c\r\n", encoding="utf-8")
    else:
        pq.write_table(pa.table({"id": [f"u{number}" for number in range(5)], "mail": cells}), source)
    seen: list[tuple[int, int | None]] = []
    report = publisher.write_ids(
        "news", source, out, column="mail", label="id", on_progress=lambda done, total: seen.append((done, total))
    )
    generations = publisher.keys.publisher("news", Use.EMIT, publisher.today())
    assert [one.generation.number for one in generations] == [2, 1]
    assert written(out) == [
        {"id": id_, "publisher_id": one.ids([key]).encode()[0], "generation": str(number), "until": str(one.until)}
        for id_, key in (("u0", match_key("person1@example.com")), ("u3", match_key("person2@example.com")))
        for number, one in ((2, generations[0]), (1, generations[1]))
    ]
    assert (report.used, report.ids, report.generations) == (2, 4, (2, 1))
    ragged = {"ragged": 1} if suffix == ".csv" else {}
    assert report.rejected == {"empty": 1, "no-at-sign": 1, "already-hashed": 1, **ragged}
    assert seen[-1][0] == report.rows
    assert {path.stat().st_mode & 0o777 for path in (out, report.quarantine) if path} == {0o600}


def test_hashes_and_phones_become_the_same_ids_as_elsewhere(publisher: PairClient, tmp_path: Path) -> None:
    publisher.create("news")
    [one] = publisher.keys.publisher("news", Use.EMIT, publisher.today())
    for profile, cell, key in (
        ("sha256", match_key("a@b.cn").upper(), match_key("a@b.cn")),
        ("e164", "+86 138-0013-8000", match_key("+8613800138000")),
        ("e164-cn", "13800138000", match_key("+8613800138000")),
    ):
        source, out = tmp_path / "in.csv", tmp_path / "out.csv"
        source.write_text(f"x\n{cell}\nwrong\n", encoding="utf-8")
        report = publisher.write_ids("news", source, out, column="x", profile=profile)
        assert [row["publisher_id"] for row in written(out)] == one.ids([key]).encode()
        assert sum(report.rejected.values()) == 1


def test_an_advertisers_ids_are_of_the_current_generation_only(
    world: World, publisher: PairClient, advertiser: PairClient, tmp_path: Path
) -> None:
    publisher.create("news")
    advertiser.create_with("shop", "spring", shared(publisher))
    source, out = tmp_path / "in.csv", tmp_path / "out.csv"
    source.write_text("mail\nperson1@example.com\n", encoding="utf-8")
    report = advertiser.write_ids("shop", source, out, column="mail")
    assert [list(row) for row in written(out)] == [["mail", "advertiser_id", "generation", "until"]]
    assert report.quarantine is None
    assert sorted(path.name for path in tmp_path.glob("*.csv*")) == ["in.csv", "out.csv"]
    world.clock.now += timedelta(days=30)
    with pytest.raises(StateError, match="current"):
        advertiser.write_ids("shop", source, out, column="mail")


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"profile": "meta"}, InputError),
        ({"column": "phone"}, SourceError),
        ({"label": "phone"}, SourceError),
        ({"label": "generation"}, InputError),
        ({"out": "out.txt"}, InputError),
        ({"out": "in.csv"}, InputError),
        ({"source": "nothing.csv"}, SourceError),
    ],
)
def test_a_file_that_can_not_be_made_leaves_the_one_before(
    publisher: PairClient, tmp_path: Path, change: dict[str, str], error: type[MiyunError]
) -> None:
    publisher.create("news")
    (tmp_path / "in.csv").write_text("mail,generation\nperson1@example.com,1\n", encoding="utf-8")
    (tmp_path / "out.csv").write_text("before", encoding="utf-8")
    options = {"column": "mail", "source": "in.csv", "out": "out.csv", **change}
    source, out = tmp_path / options.pop("source"), tmp_path / options.pop("out")
    with pytest.raises(error):
        publisher.write_ids("news", source, out, **options)
    assert (tmp_path / "out.csv").read_text() == "before"
    assert (tmp_path / "in.csv").read_text().startswith("mail,")
    assert {path.name for path in tmp_path.iterdir() if path.is_file()} == {"in.csv", "out.csv"}


def test_a_label_that_is_no_text_is_written_all_the_same(publisher: PairClient, tmp_path: Path) -> None:
    publisher.create("news")
    source = tmp_path / "in.csv"
    source.write_bytes(b"id,mail\n\xff,person1@example.com\n\xc3\xa4,person2@example.com\n")
    for suffix in (".csv", ".parquet"):
        report = publisher.write_ids("news", source, tmp_path / f"out{suffix}", column="mail", label="id")
        assert report.used == 2
