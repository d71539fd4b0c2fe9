"""Two tables as they really arrive: a merchant's member table and a platform's user table.

The member table is a CSV file in GB18030 with Chinese headings, typed in by shop assistants over ten years; the user
table is a Parquet file. Both are written block by block, so that the memory needed does not depend on the rows.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from demo.people import CITIES, FAMILY_NAMES, Floats, Indices, Integers, Population, scramble

BLOCK_ROWS = 20_000
USERS_PER_MEMBER = 2
SHARED_SHARE = 0.50
"""How many of the members are users of the platform; with missing and outdated identifiers about a third match."""

ASLEEP_DAYS = 90
SPEND_AT_LEAST = 200
"""Yuan within a year, from which on somebody spent much."""

QUIET_DAYS = 3
"""No payment lies within so many days of the sleeping line, so that midnight changes no result."""

MEMBER_COLUMNS = (
    *("会员编号", "姓名", "手机号", "邮箱", "会员等级", "城市"),
    *("近90天消费", "近365天消费", "最近支付日期", "营销退订", "营销授权", "备注"),
)
TIERS = ("普通", "银卡", "金卡", "黑金")
REMARKS = (
    "",
    "",
    "",
    "",
    "喜欢新品, 不吃辣",
    '自称"老客户"',
    "生日当月\n赠饮一次",
    "请勿在 9:00 前致电；周末可",
    "VIP,需回访",
)
NO_PHONE = ("无", "-", "未填写", "138****0000", "1391234567", "00000000000", "1.38E+10")
NO_EMAIL = ("无", "n/a", "someone@", "wang li@qq.com", "@qq.com")
AGE_BANDS = ("18-24", "25-34", "35-44", "45-54", "55+")
AGE_SHARES = (0.19, 0.34, 0.26, 0.14, 0.07)
PHONE_STYLES = (0.54, 0.10, 0.09, 0.08, 0.06, 0.03, 0.03, 0.03, 0.02, 0.02)
FULL_WIDTH = str.maketrans("0123456789+", "０１２３４５６７８９＋")

USER_SCHEMA = pa.schema(
    [
        pa.field("user_id", pa.string()),
        pa.field("phone", pa.string()),
        pa.field("email", pa.string()),
        pa.field("city", pa.string()),
        pa.field("age_band", pa.string()),
        pa.field("ad_consent", pa.bool_()),
        pa.field("ads_off", pa.bool_()),
    ]
)


@dataclass(frozen=True, slots=True)
class Retail:
    """What is to be written: ``members`` rows before duplicates, twice as many users, as of ``today``."""

    members: int
    seed: int
    today: date

    @property
    def users(self) -> int:
        return self.members * USERS_PER_MEMBER

    @property
    def population(self) -> Population:
        return Population(self.seed)

    def member_rows(self) -> Iterator[list[list[str]]]:
        """The rows of the member table, in blocks; some members come twice, the second time later and newer."""
        for rows in blocks(self.members):
            entered_twice = rows[self.population.uniform("entered twice", rows) < 0.015] // np.uint64(2)
            yield self._members(rows, "first") + self._members(entered_twice, "second")

    def user_blocks(self) -> Iterator[pa.Table]:
        """The rows of the user table, in blocks."""
        for rows in blocks(self.users):
            yield self._users(rows)

    def people_of_users(self, rows: Indices) -> Indices:
        """Who the users in these rows are: those below ``members`` are members as well."""
        first = self.members - int(self.members * SHARED_SHARE)
        return (first + scramble(rows, self.users, self.seed + 4)).astype(np.uint64)

    def user_ids(self, rows: Indices) -> list[str]:
        return [f"u{number}" for number in (2_000_000 + scramble(rows, self.users, self.seed + 5)).tolist()]

    def sleeping_spenders(self, people: Indices) -> NDArray[np.bool_]:
        """Who spent much within a year and stopped coming; of people who are no members: would have."""
        idle = self._days_since_paid(people, "first")
        year, _ = self._spend(people, idle)
        return (idle > ASLEEP_DAYS) & (year >= SPEND_AT_LEAST)

    def _members(self, rows: Indices, entry: str) -> list[list[str]]:
        people = scramble(rows, self.members, self.seed + 2).astype(np.uint64)
        numbers = 1_000 + scramble(rows, self.members, self.seed + 3)
        draw = self.population
        idle = self._days_since_paid(people, entry)
        year, quarter = self._spend(people, idle)
        opted_out = draw.uniform(f"opted out at {entry}", people) < 0.05
        consents = draw.choice("consent", people, (0.93, 0.04, 0.03))
        return [
            list(row)
            for row in zip(
                [f"M{number}" for number in numbers.tolist()],
                [
                    f"{FAMILY_NAMES[name]}{'先生' if name % 2 else '女士'}"
                    for name in draw.pick("surname", people, len(FAMILY_NAMES))
                ],
                self._member_phones(people, entry),
                self._member_emails(people),
                [TIERS[tier] for tier in np.searchsorted((1_500, 4_000, 12_000), self._worth(people), side="right")],
                [CITIES[place] for place in draw.pick("city", people, len(CITIES))],
                [f"{spent:.2f}" if days >= 0 else "" for spent, days in zip(quarter, idle, strict=True)],
                [f"{spent:,.2f}" if days >= 0 else "" for spent, days in zip(year, idle, strict=True)],
                [write_date(self.today - timedelta(days), days % 9) if days >= 0 else "" for days in idle.tolist()],
                ["是" if refused else "否" for refused in opted_out],
                [("是", "否", "")[answer] for answer in consents],
                [REMARKS[remark] for remark in draw.pick("remark", people, len(REMARKS))],
                strict=True,
            )
        ]

    def _worth(self, people: Indices) -> Floats:
        """What a person spends in a year in yuan: Pareto, few spend most."""
        return np.minimum(400.0 * (1.0 - self.population.uniform("worth", people)) ** (-1 / 1.3), 300_000.0)

    def _days_since_paid(self, people: Indices, entry: str) -> Integers:
        """Days since the last payment; −1: never paid. A second entry of a member is an active one."""
        draw = self.population
        groups = draw.choice("activity", people, (0.46, 0.40, 0.14))
        recent = (draw.uniform("idle", people) ** 1.7 * (ASLEEP_DAYS - QUIET_DAYS)).astype(np.int64)
        asleep = ASLEEP_DAYS + QUIET_DAYS + (draw.uniform("idle", people) ** 1.3 * 600).astype(np.int64)
        if entry == "second":
            return recent
        return np.where(groups == 0, recent, np.where(groups == 1, asleep, -1))

    def _spend(self, people: Indices, idle: Integers) -> tuple[Floats, Floats]:
        year: Floats = np.where(idle > 365, 0.0, self._worth(people) * np.clip(1.0 - idle / 500.0, 0.2, 1.0))
        share = 0.15 + 0.5 * self.population.uniform("quarter", people)
        quarter: Floats = np.where(idle > ASLEEP_DAYS, 0.0, year * share)
        return year, quarter

    def _member_phones(self, people: Indices, entry: str) -> list[str]:
        draw = self.population
        borrowed = (draw.uniform("family", people) < 0.05) & (people > 0)
        numbers = draw.phones(np.where(borrowed, people - np.uint64(1), people).astype(np.uint64))
        states = draw.choice("member phone", people, (0.10, 0.02, 0.88))
        styles = draw.choice(f"phone style {entry}", people, PHONE_STYLES)
        bad = draw.pick("bad phone", people, len(NO_PHONE))
        return [
            "" if state == 0 else NO_PHONE[wrong] if state == 1 else write_phone(str(number), style)
            for number, state, style, wrong in zip(
                numbers.tolist(), states.tolist(), styles.tolist(), bad.tolist(), strict=True
            )
        ]

    def _member_emails(self, people: Indices) -> list[str]:
        draw = self.population
        states = draw.choice("member email", people, (0.50, 0.02, 0.48))
        styles = draw.pick("email style", people, 6)
        bad = draw.pick("bad email", people, len(NO_EMAIL))
        return [
            "" if state == 0 else NO_EMAIL[wrong] if state == 1 else write_email(email, style)
            for email, state, style, wrong in zip(
                draw.emails(people), states.tolist(), styles.tolist(), bad.tolist(), strict=True
            )
        ]

    def _users(self, rows: Indices) -> pa.Table:
        draw = self.population
        people = self.people_of_users(rows)
        changed = draw.choice("new number", people, (0.90, 0.08, 0.02))
        moved = people + np.array((0, 2**30, 1), dtype=np.uint64)[changed]
        has_phone = draw.uniform("user phone", people) < 0.84
        has_email = draw.uniform("user email", people) < 0.55
        return pa.table(
            [
                self.user_ids(rows),
                [f"+86{n}" if has else None for n, has in zip(draw.phones(moved).tolist(), has_phone, strict=True)],
                [mail if has else None for mail, has in zip(draw.emails(people), has_email, strict=True)],
                [CITIES[place] for place in draw.pick("city", people, len(CITIES))],
                [AGE_BANDS[band] for band in draw.choice("age", people, AGE_SHARES)],
                draw.uniform("ad consent", people) < 0.95,
                draw.uniform("ads off", people) < 0.03,
            ],
            schema=USER_SCHEMA,
        )


def write_phone(number: str, style: int) -> str:
    """An eleven-digit number as people write it; ``style`` is an index into PHONE_STYLES."""
    head, middle, tail = number[:3], number[3:7], number[7:]
    return (
        number,
        f"{head} {middle} {tail}",
        f"{head}-{middle}-{tail}",
        f"+86{number}",
        f"+86 {head} {middle} {tail}",
        f"0086{number}",
        f"86-{number}",
        number.translate(FULL_WIDTH),
        f" {number} ",
        f"＋８６ {head}－{middle}－{tail}".translate(FULL_WIDTH),
    )[style]


def write_email(email: str, style: int) -> str:
    """An address as people write it: capitals, spaces around it, dots and tags where the host ignores them."""
    local, host = email.split("@")
    if host == "gmail.com" and style < 3:
        return (f"{local[:3]}.{local[3:]}@gmail.com", f"{local}+shop@gmail.com", f"{local.title()}@Gmail.com")[style]
    return (email, email, email.upper(), f" {email}", f"{local.title()}@{host}", f"{email} ")[style]


def write_date(day: date, style: int) -> str:
    """A date as the tills of three generations write it."""
    if style == 0:
        return f"{day.year}年{day.month}月{day.day}日"
    return f"{day:%Y/%m/%d}" if style < 3 else day.isoformat()


def write_members(retail: Retail, path: Path) -> int:
    """Write the member table; how many rows it has."""
    count = 0
    with path.open("w", encoding="gb18030", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(MEMBER_COLUMNS)
        for block in retail.member_rows():
            writer.writerows(block)
            count += len(block)
    return count


def write_users(retail: Retail, path: Path) -> int:
    """Write the user table; how many rows it has."""
    with pq.ParquetWriter(path, USER_SCHEMA, compression="zstd") as writer:
        for block in retail.user_blocks():
            writer.write_table(block)
    return retail.users


def write_opt_outs(retail: Retail, path: Path) -> int:
    """Write the call centre's list of phones never to be contacted; how many it has."""
    draw, count = retail.population, 0
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["phone"])
        for everybody in blocks(retail.members):
            people = everybody[draw.uniform("do not call", everybody) < 0.02]
            styles = draw.choice("opt-out style", people, PHONE_STYLES)
            phones = zip(draw.phones(people).tolist(), styles.tolist(), strict=True)
            writer.writerows([write_phone(str(number), style)] for number, style in phones)
            count += len(people)
    return count


def blocks(count: int) -> Iterator[Indices]:
    """The rows of a table, some at a time."""
    for start in range(0, count, BLOCK_ROWS):
        yield np.arange(start, min(start + BLOCK_ROWS, count), dtype=np.uint64)
