"""Keys in a home: rotated, deleted when they are over, kept from other processes' sight, whole after a crash."""

from datetime import date, timedelta
from pathlib import Path

import pytest

from miyun.errors import InputError, KeyAccessError, NotFoundError, StateError
from miyun.keys.create import create_home
from miyun.keys.home import Home, HomeInfo, Role
from miyun.keys.vault import KeyFile, Vault
from miyun.pair.ids import PublisherIds, match_key
from miyun.pair.keyset import Side
from miyun.pair.salts import ReceivedSalt, SaltGrant
from miyun.pair.secrets import Salt
from miyun.pair.store import PairKeys, Use
from miyun.records import utc_now

START = date(2026, 1, 5)
PEOPLE = [match_key("a"), match_key("b")]


def day(number: int) -> date:
    return START + timedelta(days=number)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    info = HomeInfo(name="square", role=Role.PARTY, kind="platform", organisation="Square", created=utc_now())
    return create_home(tmp_path / "home", info, KeyFile(tmp_path / "key"))


@pytest.fixture
def keys(home: Home) -> PairKeys:
    return PairKeys(home)


def received(number: int, since: date, *, withdraws: bool = False, publisher: str = "square") -> ReceivedSalt:
    grant = SaltGrant(
        contract="spring",
        contract_digest=bytes(32),
        publisher=publisher,
        advertiser="shop",
        number=number,
        since=since,
        withdraws=withdraws,
    )
    return ReceivedSalt(grant, Salt(bytes([number]) * 32))


def secrets_of(home: Home) -> set[str]:
    return {name.removeprefix("pair/") for name in home.vault.names() if name.startswith("pair/")}


def test_a_rotation_overlaps_for_thirty_days_and_then_the_old_secrets_are_gone(keys: PairKeys, home: Home) -> None:
    keys.create_publisher("news", START)
    [first] = keys.publisher("news", Use.EMIT, day(29))
    keys.rotate_publisher("news", day(28))
    new, old = keys.publisher("news", Use.EMIT, day(31))
    assert old.ids(PEOPLE) == first.ids(PEOPLE)
    assert not set(new.ids(PEOPLE).encode()) & set(old.ids(PEOPLE).encode())
    assert (new.until, old.until) == (day(90), day(60))
    assert [one.generation.number for one in keys.publisher("news", Use.MATCH, day(31))] == [2]
    assert secrets_of(home) == {"news/state", "news/salt/1", "news/salt/2", "news/key/1"}
    keys.rotate_publisher("news", day(60))
    assert "news/salt/1" in secrets_of(home), "for one day more, as the other side's day may be yesterday"
    keys.rotate_publisher("news", day(61))
    assert secrets_of(home) == {"news/state", "news/salt/2", "news/salt/3", "news/key/1"}


def test_a_key_that_is_over_is_deleted_as_well(keys: PairKeys, home: Home) -> None:
    keys.create_publisher("news", START)
    for number in range(1, 9):
        keys.rotate_publisher("news", day(30 * number))
    keys.rotate_publisher("news", day(241))
    assert secrets_of(home) == {"news/state", "news/salt/8", "news/salt/9", "news/key/2"}


def test_withdrawing_leaves_nothing_of_before(keys: PairKeys, home: Home) -> None:
    keys.create_publisher("news", START)
    keys.rotate_publisher("news", day(30))
    leaked = [one.ids(PEOPLE) for one in keys.publisher("news", Use.ACCEPT, day(31))]
    keys.withdraw("news", day(31))
    [only] = keys.publisher("news", Use.ACCEPT, day(31))
    assert only.ids(PEOPLE) not in leaked
    assert secrets_of(home) == {"news/state", "news/salt/3", "news/key/2"}


def test_an_advertiser_follows_the_publishers_salts(keys: PairKeys, home: Home) -> None:
    made = keys.create_advertiser("shop", received(4, day(0)), day(10))
    assert (made.side, made.publisher, made.newest.salt) == (Side.ADVERTISER, "square", 4)
    keys.rotate_advertiser("shop", received(5, day(30)), day(25))
    assert [one.generation.salt for one in keys.advertiser("shop", Use.MATCH, day(29))] == [4]
    assert [one.generation.salt for one in keys.advertiser("shop", Use.ACCEPT, day(30))] == [5, 4]
    for again in (received(5, day(31)), received(4, day(31))):
        with pytest.raises(StateError, match="not a later one"):
            keys.rotate_advertiser("shop", again, day(31))
    with pytest.raises(InputError, match="from elsewhere"):
        keys.rotate_advertiser("shop", received(6, day(60), publisher="elsewhere"), day(60))


def test_an_advertiser_drops_what_the_publisher_has_withdrawn(keys: PairKeys, home: Home) -> None:
    keys.create_advertiser("shop", received(1, day(0)), day(0))
    keys.rotate_advertiser("shop", received(2, day(30)), day(25))
    keys.rotate_advertiser("shop", received(3, day(26), withdraws=True), day(27))
    assert [one.generation.salt for one in keys.advertiser("shop", Use.ACCEPT, day(27))] == [3]
    assert secrets_of(home) == {"shop/state", "shop/salt/3", "shop/key/2"}


def test_an_advertiser_that_lost_its_key_goes_on_with_the_salt(keys: PairKeys) -> None:
    keys.create_advertiser("shop", received(1, day(0)), day(0))
    [before] = keys.advertiser("shop", Use.MATCH, day(5))
    keys.withdraw("shop", day(5))
    [after] = keys.advertiser("shop", Use.MATCH, day(5))
    assert after.salt.to_bytes() == before.salt.to_bytes()
    assert after.ids(PEOPLE) != before.ids(PEOPLE)


@pytest.mark.parametrize(("since", "words"), [(day(39), "too far ahead"), (date.max, "too far"), (day(0), "too old")])
def test_salts_of_another_time_are_refused(keys: PairKeys, since: date, words: str) -> None:
    with pytest.raises(StateError, match=words):
        keys.create_advertiser("shop", received(1, since), day(30))
    keys.create_advertiser("shop", received(1, day(5)), day(30))
    with pytest.raises(StateError, match=words):
        keys.rotate_advertiser("shop", received(2, since, withdraws=True), day(30))


def test_overdue_keys_say_so(keys: PairKeys) -> None:
    keys.create_publisher("news", START)
    with pytest.raises(StateError, match="current") as caught:
        keys.publisher("news", Use.MATCH, day(30))
    assert "miyun pair keys rotate news" in caught.value.hint
    assert keys.publisher("news", Use.EMIT, day(30))
    with pytest.raises(StateError, match="in force"):
        keys.publisher("news", Use.EMIT, day(60))


def test_names_and_sides_are_checked(keys: PairKeys) -> None:
    keys.create_publisher("news", START)
    with pytest.raises(StateError, match="already"):
        keys.create_publisher("news", START)
    with pytest.raises(InputError, match="not a name"):
        keys.create_publisher("../x", START)
    for unknown in ("other", "../x", "news/state", ""):
        with pytest.raises(NotFoundError):
            keys.get(unknown)
    with pytest.raises(InputError, match="publisher's side"):
        keys.advertiser("news", Use.MATCH, START)
    with pytest.raises(InputError, match="publisher's side"):
        keys.rotate_advertiser("news", received(2, START), START)
    with pytest.raises(NotFoundError, match="generation 2"):
        keys.salt("news", 2)
    assert [one.name for one in keys.list()] == ["news"]


def test_another_process_sees_what_this_one_put(keys: PairKeys, home: Home, tmp_path: Path) -> None:
    keys.create_publisher("news", START)
    other = PairKeys(Home.open(home.path, KeyFile(tmp_path / "key")))
    assert other.get("news") == keys.get("news")
    ids = [one.publisher("news", Use.EMIT, START)[0].ids(PEOPLE) for one in (keys, other)]
    assert ids[0] == ids[1]
    assert isinstance(ids[0], PublisherIds)


@pytest.mark.parametrize("puts", range(3))
def test_a_crash_in_the_midst_of_a_rotation_is_mended_by_the_next(
    keys: PairKeys, home: Home, monkeypatch: pytest.MonkeyPatch, puts: int
) -> None:
    keys.create_publisher("news", START)
    before = keys.publisher("news", Use.EMIT, day(5))[0].ids(PEOPLE)
    put, left = Vault.put, [puts]

    def dying(vault: Vault, name: str, value: bytes) -> None:
        if not left[0]:
            raise KeyboardInterrupt
        left[0] -= 1
        put(vault, name, value)

    with monkeypatch.context() as patch:
        patch.setattr(Vault, "put", dying)
        with pytest.raises(KeyboardInterrupt):
            keys.withdraw("news", day(5))
    assert keys.publisher("news", Use.EMIT, day(5))[0].ids(PEOPLE) == before, "not half withdrawn"
    keys.withdraw("news", day(5))
    assert keys.publisher("news", Use.EMIT, day(5))[0].ids(PEOPLE) != before
    assert secrets_of(home) == {"news/state", "news/salt/2", "news/key/2"}


def test_deleted_secrets_are_not_shared(keys: PairKeys) -> None:
    keys.create_publisher("news", START)
    keys.withdraw("news", day(1))
    with pytest.raises(KeyAccessError):
        keys.salt("news", 1)
    generation, salt = keys.salt("news")
    assert (generation.number, generation.salt) == (2, 2)
    assert salt.to_bytes() != bytes(32)


def test_nothing_of_the_keys_is_readable_in_the_home(keys: PairKeys, home: Home) -> None:
    keys.create_publisher("news", START)
    [one] = keys.publisher("news", Use.EMIT, START)
    content = b"".join(path.read_bytes() for path in home.path.rglob("*") if path.is_file())
    for secret in (one.salt.to_bytes(), one.key.to_bytes()):
        assert secret not in content
        assert secret.hex().encode() not in content
        assert secret.hex() not in repr(one)
