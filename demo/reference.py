"""The same job in the clear, written on its own: nothing of Miyun is imported here.

Reads both tables, normalises phones and emails in a few lines, joins phone first and email second, each person at
most once on either side, and keeps the ids that either side may act on. The demo compares every result with it.
"""

import csv
import re
import unicodedata
from collections.abc import Callable, Container, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import pyarrow.parquet as pq

IDENTIFIER_TYPES = ("phone", "email")


@dataclass(frozen=True, slots=True)
class Person:
    """One row of either table after cleaning; ``None`` where an identifier is missing or unusable.

    ``opted_out`` is what the row says, ``objects`` what any row of this id or the opt-out list says.
    """

    id: str
    phone: str | None
    email: str | None
    consents: bool
    opted_out: bool
    objects: bool = False
    spend_year: float | None = None
    last_paid: date | None = None
    tier: str = ""


@dataclass(frozen=True, slots=True)
class Match:
    member: Person
    user: Person
    by: str


def clean_phone(raw: str) -> str | None:
    """Eleven digits of a mainland mobile number, however it was written."""
    digits = re.sub(r"[\s\-]", "", unicodedata.normalize("NFKC", raw))
    found = re.fullmatch(r"(?:\+?86|0086)?(1[3-9]\d{9})", digits)
    return found[1] if found else None


def clean_email(raw: str) -> str | None:
    """The address in lower case; at gmail.com without dots and without what follows a plus sign."""
    address = raw.strip().lower()
    found = re.fullmatch(r"([^\s@]+)@([a-z0-9-]+(?:\.[a-z0-9-]+)+)", address)
    if not found:
        return None
    local, host = found.groups()
    if host == "gmail.com":
        local = local.split("+")[0].replace(".", "")
    return f"{local}@{host}"


def clean_date(raw: str) -> date | None:
    """A day however it was written: 2026-03-01, 2026/3/1, 2026年3月1日."""
    parts = re.findall(r"\d+", raw)
    return date(*map(int, parts)) if parts else None


def read_opt_outs(path: Path) -> set[str | None]:
    """The phones of the call centre's list."""
    with path.open(encoding="utf-8", newline="") as file:
        return {clean_phone(row["phone"]) for row in csv.DictReader(file)} - {None}


def read_members(path: Path, do_not_call: Container[str | None] = ()) -> Iterator[Person]:
    """The merchant's rows in file order; whoever has a phone of the list has opted out too."""
    with path.open(encoding="gb18030", newline="") as file:
        for row in csv.DictReader(file):
            phone, spent = clean_phone(row["手机号"]), row["近365天消费"].replace(",", "")
            yield Person(
                row["会员编号"],
                phone,
                clean_email(row["邮箱"]),
                consents=row["营销授权"] == "是",
                opted_out=row["营销退订"] == "是",
                objects=phone in do_not_call or row["营销退订"] == "是",
                spend_year=float(spent) if spent else None,
                last_paid=clean_date(row["最近支付日期"]),
                tier=row["会员等级"],
            )


def read_users(path: Path) -> Iterator[Person]:
    """The platform's rows in file order."""
    columns = ["user_id", "phone", "email", "ad_consent", "ads_off"]
    for batch in pq.ParquetFile(path).iter_batches(columns=columns):
        for row in batch.to_pylist():
            phone, email = clean_phone(row["phone"] or ""), clean_email(row["email"] or "")
            off = row["ads_off"]
            yield Person(row["user_id"], phone, email, consents=row["ad_consent"], opted_out=off, objects=off)


def eligible(people: Iterable[Person]) -> list[Person]:
    """One person per id, the first row's, with consent; by id, shorter ids first. An objection in any row counts."""
    firsts: dict[str, Person] = {}
    objecting: set[str] = set()
    for person in people:
        firsts.setdefault(person.id, person)
        if person.objects:
            objecting.add(person.id)
    sent = [replace(person, objects=person.id in objecting) for person in firsts.values() if person.consents]
    return sorted(sent, key=lambda person: _rank(person.id))


def sent(people: Iterable[Person]) -> list[Person]:
    """Of the eligible those who hold an identifier; a value that several share is held by the first id."""
    found = {person.id: person for by in IDENTIFIER_TYPES for person in _holders(eligible(people), by).values()}
    return list(found.values())


def join(members: list[Person], users: list[Person]) -> list[Match]:
    """Phone first, then email among those who are left; a value that several people share counts for the first id."""
    matches: list[Match] = []
    matched_members: set[str] = set()
    matched_users: set[str] = set()
    for by in IDENTIFIER_TYPES:
        user_of = _holders(users, by)
        for value, member in _holders(members, by).items():
            user = user_of.get(value)
            if user and member.id not in matched_members and user.id not in matched_users:
                matched_members.add(member.id)
                matched_users.add(user.id)
                matches.append(Match(member, user, by))
    return matches


def asleep_and_valuable(member: Person, *, asleep_since: date, spend_at_least: float) -> bool:
    """Spent much within a year, bought nothing since, and did not opt out."""
    return (
        member.spend_year is not None
        and member.spend_year >= spend_at_least
        and member.last_paid is not None
        and member.last_paid < asleep_since
        and not member.opted_out
    )


def audience(matches: Iterable[Match], wanted: Callable[[Person], bool]) -> list[Match]:
    """The matches whose member is wanted, without anybody who objects on either side."""
    return [match for match in matches if wanted(match.member) and not (match.member.objects or match.user.objects)]


def _holders(people: list[Person], by: str) -> dict[str, Person]:
    holders: dict[str, Person] = {}
    for person in people:
        value = person.phone if by == "phone" else person.email
        if value is not None:
            holders.setdefault(value, person)
    return holders


def _rank(id_: str) -> tuple[int, str]:
    return len(id_), id_
