"""Deliveries into the store: parts, one swap, what a set is made of and who may ask about it."""

import itertools
import resource
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from miyun.answers.answering import Answering
from miyun.answers.askers import Asker, Rate
from miyun.answers.destination import NEWER, StoreConfig, StoreDestination
from miyun.answers.ids import AnswerId, Kind, md5_of, read_id
from miyun.answers.store import AnswerStore
from miyun.destinations.batches import Batch
from miyun.destinations.fields import FieldSource
from miyun.destinations.plugin import Context
from miyun.errors import ConfigError, InputError
from tests.destinations.world import NOW, ORDER, batch, context

IDFA = "FF1999CD-7177-4937-A474-74937A102630"
FIELDS = {"idfa": FieldSource(column="idfa"), "oaid-md5": FieldSource(column="oaid")}


def made(at: Context, **settings: Any) -> StoreDestination:
    destination = StoreDestination(StoreConfig(**settings), at)
    destination.validate()
    return destination


def delivered(at: Context, *batches: Batch, **settings: Any) -> AnswerStore:
    destination = made(at, **settings)
    for one in batches:
        destination.deliver(one)
    assert destination.finish(len(batches)) is None
    return AnswerStore(at.home)


def users(store: AnswerStore, name: str = "sleepers", of: Sequence[str] = ("a", "b", "c", "d")) -> set[str]:
    audience = store.open().audiences[name].set
    return {user for user in of if holds(store, audience, Kind.USER, user)}


def holds(store: AnswerStore, audience: Any, kind: Kind, raw: str) -> bool:
    id_ = read_id(kind, raw)
    assert isinstance(id_, AnswerId)
    return store.key.digest(id_) in audience


def files_of(at: Context) -> list[str]:
    return sorted(path.name for path in AnswerStore(at.home).list_path.parent.iterdir())


@contextmanager
def no_room(most_bytes: int) -> Iterator[None]:
    """As on a full disk: no file becomes longer."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_leaves_what_was_answered(tmp_path: Path) -> None:
    at = context(tmp_path)
    store = delivered(at, batch(0, "a", "b"))
    before = files_of(at)
    later = made(of_version(at, 3, "activate-2"))
    many = batch(0, *(f"user-{number}" for number in range(1000)))
    with no_room(4096), pytest.raises(ConfigError, match="can't be written"):
        later.deliver(many)
    later.deliver(many)
    with no_room(8192), pytest.raises(ConfigError, match="can't be written"):
        later.finish(1)
    assert (users(store), files_of(at)) == ({"a", "b"}, before)
    later.finish(1)
    assert users(store) == set()


def of_version(at: Context, version: int, job: str) -> Context:
    return replace(at, order=replace(at.order, version=version, job=job), work=at.work.with_name(job))


def test_batches_become_one_set_that_ends_with_its_segment(tmp_path: Path) -> None:
    at, oaid = context(tmp_path), md5_of("oaid-0001")
    first = batch(0, "a", "b", **{"idfa": (IDFA, None), "oaid-md5": (None, oaid)})
    second = batch(1, "c", **{"idfa": (None,), "oaid-md5": (None,)})
    destination = made(at, fields=FIELDS)
    for one in (first, first, second):
        assert destination.deliver(one).refused == ()
        assert AnswerStore(at.home).listed().audiences == (), "nothing is answered before everything is there"
    destination.finish(2)
    store = AnswerStore(at.home)
    [listed] = store.listed().audiences
    assert listed.origin is not None
    assert (listed.name, listed.ids, listed.expires) == ("sleepers", 5, ORDER.ends)
    assert (listed.origin.contract, listed.origin.version, listed.origin.job) == ("spring", 2, "activate-1")
    assert users(store) == {"a", "b", "c"}
    audience = store.open().audiences["sleepers"].set
    assert holds(store, audience, Kind.IDFA_MD5, md5_of(IDFA))
    assert holds(store, audience, Kind.OAID, "oaid-0001")
    destination.finish(2)
    assert store.listed().generation == 1, "a delivery that is finished again changes nothing"


def test_a_version_replaces_an_earlier_one_and_never_a_later_one(tmp_path: Path) -> None:
    at = context(tmp_path)
    for order in itertools.permutations((1, 2, 3)):
        for version in order:
            delivered(of_version(at, version, f"job-{order}-{version}"), batch(0, "abcd"[version]))
        assert users(AnswerStore(at.home)) == {"d"}
        AnswerStore(at.home).remove("sleepers", NOW)
    store = delivered(of_version(at, 3, "new"), batch(0, "a"))
    late = made(of_version(at, 2, "late"))
    assert [one.code for one in late.deliver(batch(0, "b", "c")).refused] == [NEWER, NEWER]
    late.finish(1)
    assert users(store) == {"a"}
    assert users(delivered(of_version(at, 3, "newer"), batch(0, "b"))) == {"b"}, "the same version, asked for anew"


def test_an_audience_of_nobody_takes_the_place_of_one_of_somebody(tmp_path: Path) -> None:
    at = context(tmp_path)
    delivered(of_version(at, 1, "first"), batch(0, "a"))
    assert users(delivered(of_version(at, 2, "second"))) == set()


def test_members_who_can_not_be_asked_about_are_refused_with_the_reason(tmp_path: Path) -> None:
    at = context(tmp_path)
    destination = made(at, fields=FIELDS, own_ids=False)
    columns = {"idfa": (IDFA, "short", None), "oaid-md5": (None, None, None)}
    refused = destination.deliver(batch(0, "a", "b", "c", **columns)).refused
    assert [(one.row, one.code) for one in refused] == [(1, "id-wrong-shape"), (2, "no-id")]
    assert not any("short" in one.words for one in refused)
    destination.finish(1)
    store = AnswerStore(at.home)
    assert users(store) == set()
    assert store.listed().audiences[0].ids == 1


def test_a_name_that_is_taken_is_left_alone(tmp_path: Path) -> None:
    at = context(tmp_path)
    store = AnswerStore(at.home)
    with store.building("sleepers") as builder:
        store.put("sleepers", builder, now=NOW, expires=NOW + timedelta(days=1))
    with pytest.raises(ConfigError, match="something else"):
        made(at)
    store.remove("sleepers", NOW)
    running = made(at)
    running.deliver(batch(0, "a"))
    elsewhere = replace(at, order=replace(at.order, contract="autumn", job="other"), work=at.work.with_name("other"))
    delivered(elsewhere, batch(0, "b"))
    with pytest.raises(ConfigError, match="something else"):
        running.finish(1)
    assert users(delivered(at, batch(0, "a"), prefix="spring-"), "spring-sleepers") == {"a"}
    with pytest.raises(InputError):
        made(replace(at, order=replace(at.order, segment="s" * 60)), prefix="spring-")


def test_parts_that_are_gone_are_no_empty_audience(tmp_path: Path) -> None:
    at = context(tmp_path)
    destination = made(at)
    destination.deliver(batch(0, "a"))
    with pytest.raises(ConfigError, match="gone"):
        destination.finish(2)
    assert AnswerStore(at.home).listed().audiences == ()


def test_third_parties_are_told_of_what_was_delivered_for_them(tmp_path: Path) -> None:
    at = context(tmp_path)
    store = delivered(at, batch(0, "a"))
    order = replace(at.order, segment="payers", job="other")
    delivered(replace(at, order=order, work=at.work.with_name("other")), batch(0, "a"), third_party="tencent")
    answering = Answering(store.key, store.open(), 3600, clock=NOW.timestamp)
    asked = [AnswerId("user", "a")]
    for third_party, expected in (("", {"s", "p"}), ("tencent", {"p"}), ("bytedance", set())):
        asker = Asker("platform", {"sleepers": "s", "payers": "p"}, Rate(10), third_party)
        assert set(answering.answer(asker, asked).targets) == expected
    assert StoreDestination.discloses_to(StoreConfig(third_party="tencent")) == "tencent"
    assert StoreDestination.discloses_to(StoreConfig()) == ""


def test_sets_end_sooner_and_never_later(tmp_path: Path) -> None:
    store = delivered(context(tmp_path), batch(0, "a"), days=3)
    [listed] = store.listed().audiences
    assert listed.expires == NOW + timedelta(days=3)
    store.end({listed.file: NOW + timedelta(days=9), "another.set": NOW}, NOW)
    assert store.listed().generation == 1, "nothing changes"
    store.end({listed.file: NOW + timedelta(days=2)}, NOW)
    assert store.listed().audiences[0].expires == NOW + timedelta(days=2)
    store.end({listed.file: NOW}, NOW)
    assert store.listed().audiences == ()


@pytest.mark.parametrize(
    "settings",
    [{"fields": {"phone": FieldSource(column="phone")}}, {"own_ids": False}, {"prefix": "../"}, {"days": 0}],
)
def test_settings_that_can_not_be(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        StoreConfig(**settings)


def test_a_dry_run_writes_nothing(tmp_path: Path) -> None:
    at = context(tmp_path)
    columns = {"idfa": (IDFA, None), "oaid-md5": (None, None)}
    preview = made(at, fields=FIELDS).dry_run(batch(0, "a", "b", **columns))
    assert preview.target == "audience sleepers"
    assert preview.text.splitlines() == ["user,idfa,oaid-md5", f"user a,idfa {md5_of(IDFA)}", "user b"]
    assert not AnswerStore(at.home).list_path.exists()
