"""Attribute values as people and systems write them."""

from datetime import date

import pytest

from miyun.contract.schema import ColumnType
from miyun.members.attributes import read_attributes
from miyun.members.reasons import Reason, Rejected

JANUARY = date(2026, 1, 31)


@pytest.mark.parametrize(
    ("type_", "cell", "value"),
    [
        ("number", "1000", 1000.0),
        ("number", " -1.5e3 ", -1500.0),
        ("number", "1,234,567.5", 1234567.5),
        ("number", "¥1,234", 1234.0),
        ("number", "１２．５元", 12.5),
        ("number", "1,23", Reason.NO_NUMBER),
        ("number", "1_000", Reason.NO_NUMBER),
        ("number", "nan", Reason.EMPTY),
        ("number", "inf", Reason.NO_NUMBER),
        ("number", "1e999", Reason.NO_NUMBER),
        ("number", "12%", Reason.NO_NUMBER),
        ("number", "N/A", Reason.EMPTY),
        ("text", " 金卡 ", "金卡"),
        ("text", "", Reason.EMPTY),
        ("text", "None", "None"),
        ("text", "\udcff", Reason.BAD_ENCODING),
        ("boolean", "是", True),
        ("boolean", "TRUE", True),
        ("boolean", "１", True),
        ("boolean", "Y", True),
        ("boolean", "否", False),
        ("boolean", "no", False),
        ("boolean", "0.0", False),
        ("boolean", "maybe", Reason.NO_BOOLEAN),
        ("boolean", None, Reason.EMPTY),
        ("date", "2026/1/31", JANUARY),
        ("date", "2026-01-31", JANUARY),
        ("date", "2026-01-31 10:00:00", JANUARY),
        ("date", "2026-01-31T23:59:59.000+08:00", JANUARY),
        ("date", "2026.1.31", JANUARY),
        ("date", "20260131", JANUARY),
        ("date", "20260131100000", JANUARY),
        ("date", "２０２６年１月３１日", JANUARY),
        ("date", "2026年1月31日 10:00", JANUARY),
        ("date", "2026-02-30", Reason.NO_DATE),
        ("date", "31/1/2026", Reason.NO_DATE),
        ("date", "2026-01/31", Reason.NO_DATE),
        ("date", "46053", Reason.NO_DATE),
        ("date", "-", Reason.EMPTY),
    ],
)
def test_read(type_, cell, value):
    [read] = read_attributes(ColumnType(type_), [cell])
    assert read == (Rejected(value) if isinstance(value, Reason) else value)
    assert type(read) is type(Rejected(value) if isinstance(value, Reason) else value)
