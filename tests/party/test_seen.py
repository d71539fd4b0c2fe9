"""Remembered prefixes against a plain set."""

import secrets
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from miyun.party.seen import PREFIX_BYTES, SeenPrefixes, contains_any, sorted_prefixes

prefix = st.one_of(
    st.binary(min_size=PREFIX_BYTES, max_size=PREFIX_BYTES),
    # points that agree in the 8 bytes that are held in memory
    st.binary(min_size=1, max_size=1).map(lambda tail: bytes(8) + tail * 8),
)
chunks = st.lists(st.lists(prefix, min_size=1, max_size=12), max_size=12)


def points(prefixes: list[bytes]) -> bytes:
    return b"".join(each + secrets.token_bytes(16) for each in prefixes)


@given(held=chunks, asked=st.lists(prefix, min_size=1, max_size=12))
@settings(max_examples=60)
def test_repeats_are_found_like_in_a_set(held: list[list[bytes]], asked: list[bytes]) -> None:
    memory, stored = SeenPrefixes(), []
    for chunk in held:
        stored.append(sorted_prefixes(points(chunk)))
        memory.add(stored[-1])
    joined = sorted_prefixes(points(asked))
    suspects = memory.suspects(joined)
    known = {each for chunk in held for each in chunk}
    assert {each for each in asked if each in known} <= suspects
    assert any(contains_any(each, suspects) for each in stored) == bool(known & set(asked))


@given(held=chunks, later=chunks, asked=st.lists(prefix, min_size=1, max_size=12))
@settings(max_examples=30)
def test_repeats_are_found_in_a_file_and_beside_it(
    held: list[list[bytes]], later: list[list[bytes]], asked: list[bytes]
) -> None:
    memory = SeenPrefixes()
    for chunk in held:
        memory.add(sorted_prefixes(points(chunk)))
    with TemporaryDirectory() as folder:
        file = Path(folder) / "seen"
        memory.write(file)
        assert file.exists() == bool(held)
        again = SeenPrefixes(file if held else None)
        for chunk in later:
            again.add(sorted_prefixes(points(chunk)))
            memory.add(sorted_prefixes(points(chunk)))
        joined = sorted_prefixes(points(asked))
        assert again.suspects(joined) == memory.suspects(joined)


@given(st.lists(prefix, min_size=1, max_size=30))
def test_prefixes_are_sorted_as_bytes(prefixes: list[bytes]) -> None:
    assert sorted_prefixes(points(prefixes)) == b"".join(sorted(prefixes))


def test_memory_is_a_few_runs_however_many_chunks_come() -> None:
    memory = SeenPrefixes()
    for _ in range(256):
        memory.add(sorted_prefixes(secrets.token_bytes(32 * 16)))
    assert len(memory._runs) <= 9
    assert sum(run.nbytes for run in memory._runs) == 256 * 16 * 8
