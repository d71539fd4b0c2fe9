"""Delivered files become sets; device ids come from the file or through the member table."""

from pathlib import Path

import pandas as pd
import pytest

from miyun.answers.building import MemberDevices, build
from miyun.answers.ids import AnswerId, Kind, md5_of, read_id
from miyun.answers.store import AnswerStore
from miyun.destinations.file import FileFormat
from miyun.errors import InputError, SourceError
from miyun.members.config import load_members_config
from tests.answers.conftest import DAY, NOW

IDFA = "FF1999CD-7177-4937-A474-74937A102630"


def found(store: AnswerStore, name: str, kind: Kind, raw: str) -> bool:
    id_ = read_id(kind, raw)
    assert isinstance(id_, AnswerId)
    return store.key.digest(id_) in store.open().audiences[name].set


@pytest.mark.parametrize("format_", list(FileFormat))
def test_a_delivery_becomes_a_set(store: AnswerStore, tmp_path: Path, format_: FileFormat) -> None:
    path = tmp_path / f"delivery.{format_}"
    table = pd.DataFrame({"member": ["M1", "M2", "M3", "M1"]})
    _ = table.to_csv(path, index=False) if format_ is FileFormat.CSV else table.to_parquet(path)
    report = build(store, "sleepers", path, {"member": Kind.USER}, now=NOW, expires=NOW + DAY)
    assert (report.rows, report.audience.ids, report.rejected) == (4, 3, {})
    assert found(store, "sleepers", Kind.USER, "M3")
    assert not found(store, "sleepers", Kind.USER, "M4")


def test_columns_of_several_kinds_and_values_that_are_none(store: AnswerStore, tmp_path: Path) -> None:
    path = tmp_path / "delivery.csv"
    path.write_text(f'id,idfa,oaid\nM1,{IDFA},\nM2,wrong,oaid-0001\n"M3\n', encoding="utf-8")
    columns = {"id": Kind.USER, "idfa": Kind.IDFA, "oaid": Kind.OAID}
    report = build(store, "sleepers", path, columns, now=NOW, expires=NOW + DAY)
    assert report.rows == 3
    assert report.rejected == {"bad-quoting": 1, "wrong-shape": 1}
    assert report.audience.ids == 4
    assert found(store, "sleepers", Kind.IDFA_MD5, md5_of(IDFA))
    assert found(store, "sleepers", Kind.OAID, "oaid-0001")


def test_devices_of_delivered_people_come_from_the_member_table(store: AnswerStore, tmp_path: Path) -> None:
    (tmp_path / "members.csv").write_text(
        f"id,phone,idfa,oaid\nM1,13800138000,{IDFA},oaid-0001\nM2,13900139000,,oaid-0002\nM3,,,bad\n", encoding="utf-8"
    )
    (tmp_path / "party.toml").write_text(
        '[members]\nsource = "csv"\npath = "members.csv"\nid = "id"\n'
        '[members.identifiers.phone]\ncolumn = "phone"\nprofile = "e164-cn"\n',
        encoding="utf-8",
    )
    (tmp_path / "delivery.csv").write_text("id\nM1\nM3\n", encoding="utf-8")
    report = build(
        store,
        "sleepers",
        tmp_path / "delivery.csv",
        {"id": Kind.USER},
        now=NOW,
        expires=NOW + DAY,
        devices=MemberDevices(
            config=load_members_config(tmp_path / "party.toml"), columns={"idfa": Kind.IDFA, "oaid": Kind.OAID}
        ),
    )
    assert (report.rows, report.audience.ids, report.rejected) == (2, 4, {"wrong-shape": 1})
    assert found(store, "sleepers", Kind.USER, "M3")
    assert found(store, "sleepers", Kind.IDFA, IDFA)
    assert found(store, "sleepers", Kind.OAID, "oaid-0001")
    assert not found(store, "sleepers", Kind.OAID, "oaid-0002")
    assert len(list(store.list_path.parent.glob("*.set"))) == 1


def test_what_is_not_possible_is_said(store: AnswerStore, tmp_path: Path) -> None:
    path = tmp_path / "delivery.csv"
    path.write_text("id\nM1\n", encoding="utf-8")
    with pytest.raises(InputError, match="is over"):
        build(store, "sleepers", path, {"id": Kind.USER}, now=NOW, expires=NOW)
    with pytest.raises(InputError, match="no column"):
        build(store, "sleepers", path, {}, now=NOW, expires=NOW + DAY)
    with pytest.raises(SourceError, match="no column 'device'"):
        build(store, "sleepers", path, {"device": Kind.IDFA}, now=NOW, expires=NOW + DAY)
    with pytest.raises(SourceError, match="no file"):
        build(store, "sleepers", tmp_path / "nothing.csv", {"id": Kind.USER}, now=NOW, expires=NOW + DAY)
    assert store.listed().audiences == ()
