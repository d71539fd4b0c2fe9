"""The generated tables: deterministic, messy in every promised way, and written in bounded memory."""

import csv
import tracemalloc
from datetime import date
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from demo import retail
from demo.reference import (
    clean_date,
    clean_email,
    clean_phone,
    eligible,
    join,
    read_members,
    read_opt_outs,
    read_users,
)
from demo.retail import Retail, write_date, write_email, write_members, write_opt_outs, write_phone, write_users

TODAY = date(2026, 11, 22)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("retail")
    write_members(Retail(6_000, 7, TODAY), folder / "members.csv")
    write_users(Retail(6_000, 7, TODAY), folder / "users.parquet")
    return folder


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="gb18030", newline="") as file:
        return list(csv.DictReader(file))


def test_the_same_seed_writes_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    write_members(Retail(6_000, 7, TODAY), tmp_path / "again.csv")
    write_members(Retail(6_000, 8, TODAY), tmp_path / "other.csv")
    assert (tmp_path / "again.csv").read_bytes() == (folder / "members.csv").read_bytes()
    assert (tmp_path / "other.csv").read_bytes() != (folder / "members.csv").read_bytes()


def test_members_are_messy(folder: Path) -> None:
    members = rows(folder / "members.csv")
    ids = [row["会员编号"] for row in members]
    phones = [row["手机号"] for row in members]
    cleaned = [clean_phone(phone) for phone in phones if clean_phone(phone)]
    assert len(set(ids)) == 6_000 < len(ids)
    assert len(set(cleaned)) < len(cleaned)
    for sign in ("+86", "0086", "-", " ", "１", "*", "无"):
        assert any(sign in phone for phone in phones), sign
    assert any("\n" in row["备注"] for row in members)
    assert {"是", "否", ""} == {row["营销授权"] for row in members}
    assert 0.05 < sum(not row["手机号"] for row in members) / len(members) < 0.2


def test_spend_is_unequal_and_many_sleep(folder: Path) -> None:
    spent = sorted(
        (float(row["近365天消费"].replace(",", "") or 0) for row in rows(folder / "members.csv")), reverse=True
    )
    assert sum(spent[: len(spent) // 5]) > 0.55 * sum(spent)
    asleep = [row for row in rows(folder / "members.csv") if row["近90天消费"] == "0.00"]
    assert 0.2 < len(asleep) / len(spent) < 0.6


def test_nobody_paid_near_the_sleeping_line(folder: Path) -> None:
    for row in rows(folder / "members.csv"):
        if paid := clean_date(row["最近支付日期"]):
            days = (TODAY - paid).days
            assert abs(days - retail.ASLEEP_DAYS) >= retail.QUIET_DAYS


def test_about_a_third_of_the_members_match(folder: Path) -> None:
    members = eligible(read_members(folder / "members.csv"))
    matches = join(members, eligible(read_users(folder / "users.parquet")))
    assert 0.28 < len(matches) / len(members) < 0.42
    assert {match.by for match in matches} == {"phone", "email"}


def test_every_spelling_cleans_to_the_same_value() -> None:
    phones = {clean_phone(write_phone("13812345678", style)) for style in range(len(retail.PHONE_STYLES))}
    emails = {clean_email(write_email("wangli123@gmail.com", style)) for style in range(6)}
    assert phones == {"13812345678"}
    assert emails == {"wangli123@gmail.com"}
    assert {clean_date(write_date(TODAY, style)) for style in range(9)} == {TODAY}


def test_some_members_are_on_the_opt_out_list(folder: Path, tmp_path: Path) -> None:
    count = write_opt_outs(Retail(6_000, 7, TODAY), tmp_path / "opt-outs.csv")
    listed = read_opt_outs(tmp_path / "opt-outs.csv")
    members = list(read_members(folder / "members.csv", listed))
    assert len(listed) == count
    assert 0.01 < sum(member.objects and not member.opted_out for member in members) / len(members) < 0.03


@pytest.mark.parametrize("raw", retail.NO_PHONE)
def test_what_is_no_phone_stays_none(raw: str) -> None:
    assert clean_phone(raw) is None


@pytest.mark.parametrize("raw", retail.NO_EMAIL)
def test_what_is_no_email_stays_none(raw: str) -> None:
    assert clean_email(raw) is None


def test_memory_does_not_grow_with_the_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retail, "BLOCK_ROWS", 500)

    def peak(members: int) -> int:
        tracemalloc.start()
        write_members(Retail(members, 7, TODAY), tmp_path / "members.csv")
        write_users(Retail(members, 7, TODAY), tmp_path / "users.parquet")
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    peak(500)
    assert peak(6_000) < 1.5 * peak(1_000)


def test_the_user_table_holds_what_it_says(folder: Path) -> None:
    table = pq.read_table(folder / "users.parquet")
    assert table.num_rows == len(set(table["user_id"].to_pylist())) == 12_000
    assert table.schema.equals(retail.USER_SCHEMA)
    assert 0 < table["phone"].null_count < 4_000
