"""Sets on disk beside a plain dictionary; damage is refused; a generation is replaced as a whole."""

import secrets
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from miyun.answers.ids import AnswerId
from miyun.answers.key import DIGEST_BYTES, AnswerKey
from miyun.answers.sets import AudienceSet, SetBuilder
from miyun.answers.store import FOLDER, MOST_AUDIENCES, AnswerStore, Generation
from miyun.errors import InputError, KeyAccessError, NotFoundError
from miyun.keys.home import Home
from tests.answers.conftest import DAY, NOW, make_home, put

KEY = AnswerKey(bytes(32))
DIGESTS = st.one_of(
    st.binary(min_size=DIGEST_BYTES, max_size=DIGEST_BYTES),
    st.integers(0, 255).map(lambda byte: bytes([byte]) * DIGEST_BYTES),
    st.integers(0, 40).map(lambda number: number.to_bytes(DIGEST_BYTES, "big")),
)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batches=st.lists(st.lists(DIGESTS)), others=st.lists(DIGESTS))
def test_a_set_holds_what_was_added_and_nothing_else(
    tmp_path: Path, batches: list[list[bytes]], others: list[bytes]
) -> None:
    path, model = tmp_path / "set", {digest for batch in batches for digest in batch}
    with SetBuilder(tmp_path) as builder:
        for batch in batches:
            builder.add(batch)
        written = builder.write(path, KEY)
    found = AudienceSet.open(path, KEY, written.mac)
    assert found.ids == written.ids == len(model)
    assert path.stat().st_size == written.size
    shifted = [digest[1:] + digest[:1] for digest in model]
    for digest in [*model, *others, *shifted]:
        assert (digest in found) is (digest in model)


def test_a_large_set_has_a_fan_out(tmp_path: Path) -> None:
    inside = [secrets.token_bytes(DIGEST_BYTES) for _ in range(50_000)]
    with SetBuilder(tmp_path) as builder:
        builder.add(inside)
        builder.add(inside[:10])
        written = builder.write(tmp_path / "set", KEY)
    found = AudienceSet.open(tmp_path / "set", KEY, written.mac)
    assert found.ids == 50_000
    assert all(digest in found for digest in inside)
    assert not any(secrets.token_bytes(DIGEST_BYTES) in found for _ in range(1_000))


def test_an_id_that_lies_across_two_others_is_not_found(tmp_path: Path) -> None:
    first, second = bytes(15) + b"\1", bytes(15) + b"\2"
    with SetBuilder(tmp_path) as builder:
        builder.add([first, second])
        written = builder.write(tmp_path / "set", KEY)
    found = AudienceSet.open(tmp_path / "set", KEY, written.mac)
    across = (first + second)[1:17]
    assert across[:4] == first[:4]
    assert across not in found
    assert first in found
    assert second in found


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(held=st.lists(DIGESTS), left_out=st.lists(DIGESTS))
def test_a_set_without_some(tmp_path: Path, held: list[bytes], left_out: list[bytes]) -> None:
    path = tmp_path / "set"
    with SetBuilder(tmp_path) as builder:
        builder.add(held)
        written = builder.write(path, KEY)
    rest = b"".join(AudienceSet.open(path, KEY, written.mac).without([*left_out, *held[::2]]))
    assert rest == b"".join(sorted(set(held) - set(left_out) - set(held[::2])))


@pytest.mark.parametrize("place", [0, 20, -1, -9, -20])
def test_a_changed_byte_anywhere_is_refused(tmp_path: Path, place: int) -> None:
    with SetBuilder(tmp_path) as builder:
        builder.add([bytes(16), b"x" * 16])
        written = builder.write(tmp_path / "set", KEY)
    data = bytearray((tmp_path / "set").read_bytes())
    data[place] ^= 1
    (tmp_path / "set").write_bytes(data)
    with pytest.raises(KeyAccessError, match="damaged"):
        AudienceSet.open(tmp_path / "set", KEY, written.mac)


def contents(generation: Generation, store: AnswerStore, users: list[str]) -> dict[str, set[str]]:
    return {
        name: {user for user in users if store.key.digest(AnswerId("user", user)) in audience.set}
        for name, audience in generation.audiences.items()
    }


def test_a_generation_stays_whole_while_others_come(store: AnswerStore, home: Home) -> None:
    users = ["u1", "u2", "u3"]
    put(store, "sleepers", ["u1", "u2"])
    put(store, "payers", ["u3"])
    first = store.open()
    put(store, "sleepers", ["u3"])
    second = store.open(first)
    store.remove("payers", NOW)
    third = AnswerStore(home).open(second)
    assert contents(first, store, users) == {"sleepers": {"u1", "u2"}, "payers": {"u3"}}
    assert contents(second, store, users) == {"sleepers": {"u3"}, "payers": {"u3"}}
    assert contents(third, store, users) == {"sleepers": {"u3"}}
    assert second.audiences["payers"].set is first.audiences["payers"].set, "nothing is read twice"
    assert [one.listed.generation for one in (first, second, third)] == [2, 3, 4]
    assert len(list((home.path / FOLDER).glob("*.set"))) == 1


def test_ids_are_left_out_of_some_sets_and_nothing_else_changes(store: AnswerStore, home: Home) -> None:
    users = ["u1", "u2", "u3"]
    sleepers, payers, others = (put(store, name, users) for name in ("sleepers", "payers", "others"))
    before, gone = store.open(), store.key.digest(AnswerId("user", "u2"))

    found = {sleepers.file: [gone, bytes(16)], payers.file: [], "replaced-meanwhile.set": [gone]}
    assert store.leave_out(found, NOW + timedelta(hours=1)) == {"sleepers": 1, "payers": 0}

    after = AnswerStore(home).open(before)
    assert contents(after, store, users) == {"sleepers": {"u1", "u3"}, "payers": set(users), "others": set(users)}
    assert contents(before, store, users)["sleepers"] == set(users)
    assert after.audiences["payers"].set is before.audiences["payers"].set
    listed = {one.name: one for one in after.listed.audiences}
    assert listed["others"] == others
    assert {name: one.looked - NOW for name, one in listed.items()} == {
        "sleepers": timedelta(hours=1),
        "payers": timedelta(hours=1),
        "others": timedelta(0),
    }
    assert (listed["sleepers"].built, listed["sleepers"].expires) == (sleepers.built, sleepers.expires)
    assert len(list((home.path / FOLDER).glob("*.set"))) == 3


def test_no_id_and_no_plain_hash_of_one_is_on_disk(store: AnswerStore, home: Home) -> None:
    put(store, "sleepers", ["13800138000"])
    for path in (home.path / FOLDER).iterdir():
        assert b"13800138000" not in path.read_bytes()
        assert path.stat().st_mode & 0o077 == 0


def test_a_file_of_another_home_is_refused(store: AnswerStore, home: Home, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = make_home(tmp_path / "other")
    put(store, "sleepers", ["u1"])
    put(AnswerStore(other), "sleepers", ["u2"])
    for path in (other.path / FOLDER).iterdir():
        (home.path / FOLDER / path.name).write_bytes(path.read_bytes())
    with pytest.raises(KeyAccessError, match="not this home's"):
        store.listed()


def test_a_set_under_another_name_is_refused(store: AnswerStore, home: Home) -> None:
    put(store, "sleepers", ["u1"])
    put(store, "payers", ["u2"])
    one, two = (home.path / FOLDER / audience.file for audience in store.listed().audiences)
    one.write_bytes(two.read_bytes())
    with pytest.raises(KeyAccessError, match="damaged"):
        store.open()


@pytest.mark.parametrize("data", [b"", b"{}", b"\xff\xfe", b'{"listed":{"audiences":[],"generation":1},"mac":""}'])
def test_a_list_that_is_none_is_refused(store: AnswerStore, data: bytes) -> None:
    put(store, "sleepers", ["u1"])
    store.list_path.write_bytes(data)
    with pytest.raises(KeyAccessError, match="damaged"):
        store.listed()


def test_what_has_expired_goes_with_its_file(store: AnswerStore, home: Home) -> None:
    put(store, "sleepers", ["u1"], expires=NOW + DAY)
    put(store, "payers", ["u1"], expires=NOW + 2 * DAY)
    assert store.remove_expired(NOW) == 0
    assert store.listed().generation == 2
    assert store.remove_expired(NOW + DAY) == 1
    assert [one.name for one in store.listed().audiences] == ["payers"]
    assert len(list((home.path / FOLDER).glob("*.set"))) == 1


def test_what_a_dead_process_left_goes_with_the_next_change(store: AnswerStore, home: Home) -> None:
    put(store, "sleepers", ["u1"])
    orphan = home.path / FOLDER / "payers.0123456789abcdef.set"
    orphan.write_bytes(b"half")
    put(store, "sleepers", ["u2"])
    assert not orphan.exists()


def test_names_and_numbers_are_limited(store: AnswerStore, monkeypatch: pytest.MonkeyPatch) -> None:
    assert MOST_AUDIENCES > 2
    monkeypatch.setattr("miyun.answers.store.MOST_AUDIENCES", 2)
    with pytest.raises(InputError, match="not a name"):
        put(store, "../etc", ["u1"])
    put(store, "aa", ["u1"])
    put(store, "bb", ["u1"])
    put(store, "bb", ["u2"])
    with pytest.raises(InputError, match="2 audiences already"):
        put(store, "cc", ["u1"])
    with pytest.raises(NotFoundError):
        store.remove("cc", NOW)


class Changes(RuleBasedStateMachine):
    """Any order of changes, beside a dictionary."""

    names = st.sampled_from(["aa", "bb", "cc"])
    users = st.sets(st.sampled_from([f"u{n}" for n in range(6)]))

    @initialize()
    def begin(self) -> None:
        import tempfile

        self.folder = tempfile.TemporaryDirectory()
        self.store = AnswerStore(make_home(Path(self.folder.name)))
        self.now = NOW
        self.model: dict[str, tuple[datetime, set[str]]] = {}
        self.open = self.store.open()

    def teardown(self) -> None:
        self.folder.cleanup()

    @rule(name=names, users=users, days=st.integers(1, 3))
    def put(self, name: str, users: set[str], days: int) -> None:
        expires = self.now + days * DAY
        with self.store.building(name) as builder:
            builder.add([self.store.key.digest(AnswerId("user", user)) for user in users])
            self.store.put(name, builder, now=self.now, expires=expires)
        self.model = {n: kept for n, kept in self.model.items() if kept[0] > self.now} | {name: (expires, users)}

    @rule(name=names)
    def remove(self, name: str) -> None:
        if name in self.model:
            self.store.remove(name, self.now)
            del self.model[name]
            self.model = {n: kept for n, kept in self.model.items() if kept[0] > self.now}

    @rule(hours=st.integers(1, 40))
    def wait(self, hours: int) -> None:
        self.now += timedelta(hours=hours)
        living = {n: kept for n, kept in self.model.items() if kept[0] > self.now}
        assert self.store.remove_expired(self.now) == len(self.model) - len(living)
        self.model = living

    @invariant()
    def agrees(self) -> None:
        if not hasattr(self, "model"):
            return
        self.open = self.store.open(self.open)
        found = contents(self.open, self.store, [f"u{n}" for n in range(6)])
        assert found == {name: users for name, (_, users) in self.model.items()}
        assert {n: a.expires for n, a in self.open.audiences.items()} == {
            name: expires.timestamp() for name, (expires, _) in self.model.items()
        }


Changes.TestCase.settings = settings(max_examples=15, stateful_step_count=12)
TestChanges = Changes.TestCase
