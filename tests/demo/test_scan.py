"""The search finds an identifier in every form that it claims to look for, and nothing in random bytes."""

import hashlib
import random
from pathlib import Path

import pytest

from demo.reference import Person
from demo.scan import BLOCK_BYTES, scan

PEOPLE = [Person("M104233", "13812345678", "wangli@qq.com", consents=True, opted_out=False)]


def noise(count: int) -> bytes:
    return random.Random(7).randbytes(count)


@pytest.mark.parametrize(
    "trace",
    [
        b"13812345678",
        b"+8613812345678",
        b"8613812345678",
        b"WangLi@qq.com",
        b'"M104233"',
        hashlib.sha256(b"+8613812345678").hexdigest().encode(),
        hashlib.sha256(b"13812345678").digest(),
        hashlib.sha256(b"wangli@qq.com").digest(),
    ],
)
@pytest.mark.parametrize("before", [101, BLOCK_BYTES - 5])
def test_a_trace_is_found_at_any_offset(tmp_path: Path, trace: bytes, before: int) -> None:
    (tmp_path / "file").write_bytes(b"\0" * before + b" " + trace + b" " + noise(1_000))
    assert scan(tmp_path, PEOPLE).found == 1


def test_nothing_is_found_where_nothing_is(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "file").write_bytes(noise(500_000) + b" 13812345679 23812345678 other@qq.com M104234 ")
    (tmp_path / "empty").write_bytes(b"")
    result = scan(tmp_path, PEOPLE)
    assert (result.found, result.identifiers) == (0, 3)
    assert result.bytes > 500_000
