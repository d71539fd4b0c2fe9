"""Ids of devices are one whether they come as themselves or as their MD5; what stands for no id is none."""

import pytest

from miyun.answers.ids import AnswerId, Kind, md5_of, read_id
from miyun.members.reasons import Reason, Rejected


@pytest.mark.parametrize(
    ("kind", "raw", "md5"),
    [
        (Kind.IDFA, "ff1999cd-7177-4937-a474-74937a102630", "2c010ed9"),  # the conventions' own vectors
        (Kind.IMEI, "A000002C9060F7", "f2d5a650"),
    ],
)
def test_md5s_are_those_that_platforms_ask_by(kind: Kind, raw: str, md5: str) -> None:
    id_ = read_id(kind, raw)
    assert isinstance(id_, AnswerId)
    assert id_.value.startswith(md5)
    assert read_id(Kind(f"{kind}-md5"), id_.value.upper()) == id_


@pytest.mark.parametrize(
    ("kind", "raw"),
    [
        (Kind.OAID, "8f0d9a1c-1b2c"),
        (Kind.ANDROID_ID, "9774d56d682e549c"),
        (Kind.CAID, "k3n1a5f6c8d9e0b1a2c3d4e5f60718z9"),
    ],
)
def test_the_rest_is_hashed_as_it_is(kind: Kind, raw: str) -> None:
    assert read_id(kind, f" {raw} ") == read_id(Kind(f"{kind}-md5"), md5_of(raw)) != read_id(Kind.USER, raw)


@pytest.mark.parametrize(
    ("kind", "raw", "reason"),
    [
        (Kind.USER, "  ", Reason.EMPTY),
        (Kind.USER, "x" * 1025, Reason.TOO_LONG),
        (Kind.USER, "\udcff", Reason.BAD_ENCODING),
        (Kind.IDFA, "00000000-0000-0000-0000-000000000000", Reason.PLACEHOLDER),
        (Kind.IDFA_MD5, md5_of("00000000-0000-0000-0000-000000000000"), Reason.PLACEHOLDER),
        (Kind.IMEI_MD5, md5_of(""), Reason.PLACEHOLDER),
        (Kind.IMEI_MD5, "f2d5", Reason.WRONG_SHAPE),
        (Kind.ANDROID_ID, "0000000000000000", Reason.PLACEHOLDER),
        (Kind.CAID, "short", Reason.WRONG_SHAPE),
    ],
)
def test_what_is_none_is_told_by_its_reason(kind: Kind, raw: str, reason: Reason) -> None:
    assert read_id(kind, raw) == Rejected(reason)


def test_two_kinds_are_never_one() -> None:
    assert read_id(Kind.IMEI_MD5, md5_of("x")) != read_id(Kind.OAID_MD5, md5_of("x"))
