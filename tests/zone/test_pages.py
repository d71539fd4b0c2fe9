"""Columns in pages of the database against plain dictionaries, through many transactions."""

import random
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import select

from miyun.psi.rematch import NONE
from miyun.storage.database import open_database
from miyun.zone.facade import MIGRATIONS
from miyun.zone.schema import match_changes, match_pages
from miyun.zone.store.pages import DTYPES, PAGE_ENTRIES, Column, Pages, Part, blank, bucket_of

ROWS = Column(part=Part.ROWS, side=1, type_index=2)
TOKENS = Column(part=Part.TOKENS, side=0)
BUCKETS = 4
ENTRIES = 5 * PAGE_ENTRIES
MOST_CHANGES = 40


def token_rows(tokens: list[tuple[int, int]], first: int) -> np.ndarray:
    rows = np.zeros(len(tokens), DTYPES[Part.TOKENS])
    rows["low"], rows["high"] = zip(*tokens, strict=True)
    rows["position"] = np.arange(first, first + len(tokens))
    return rows


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
@pytest.mark.parametrize("seed", range(3))
def test_what_was_written_is_read_back(kind: str, seed: int, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    url = f"sqlite:///{tmp_path}/zone.sqlite" if kind == "sqlite" else request.getfixturevalue("postgres_url")
    engine, chance = open_database(url, migrations=MIGRATIONS), random.Random(seed)
    positions: dict[int, int] = {}
    tokens: dict[tuple[int, int], int] = {}
    with engine.begin() as connection:
        laid = np.arange(2 * PAGE_ENTRIES, dtype="<u4")
        page = blank(Part.ROWS, PAGE_ENTRIES)
        pages = Pages(connection, "spring", 1)
        for number in range(2):
            page["position"] = laid[number * PAGE_ENTRIES :][:PAGE_ENTRIES]
            pages.write(ROWS, [(number, page.copy())])
        positions.update(enumerate(laid.tolist()))
    for _ in range(12):
        with engine.begin() as connection:
            pages = Pages(connection, "spring", 1, most_changes=MOST_CHANGES)
            pages.at_hand()
            for _ in range(2):
                indices = chance.sample(range(ENTRIES), chance.randrange(1, 20))
                values = [chance.randrange(NONE + 1) for _ in indices]
                rows = blank(Part.ROWS, len(indices))
                rows["position"] = values
                pages.put(ROWS, np.array(indices, np.uint32), rows)
                positions.update(zip(indices, values, strict=True))
            fresh = [(chance.randrange(6), chance.randrange(1 << 64)) for _ in range(chance.randrange(1, 15))]
            numbers = bucket_of(np.array([low for low, _ in fresh], np.uint64), BUCKETS)
            pages.extend(TOKENS, numbers, token_rows(fresh, len(tokens)))
            tokens.update(zip(fresh, range(len(tokens), len(tokens) + len(fresh)), strict=True))
            asked = np.array(chance.choices(range(ENTRIES), k=50), np.uint32)
            found = pages.get(ROWS, asked)["position"].tolist()
            assert found == [positions.get(index, NONE) for index in asked.tolist()]
            wanted = [*chance.choices(list(tokens), k=20), (1, 1), (2, 0)]
            rows = token_rows(wanted, 0)
            assert pages.find(TOKENS, bucket_of(rows["low"], BUCKETS), rows).tolist() == [
                tokens.get(token, NONE) for token in wanted
            ]
            fullest = max(sum(low % BUCKETS == number for low, _ in tokens) for number in range(BUCKETS))
            assert pages.fullest(TOKENS, np.arange(BUCKETS, dtype=np.uint32)) == fullest
            pages.flush()
    with engine.begin() as connection:
        beside = connection.execute(select(match_changes)).all()
        assert len(beside) == 2
        assert all(len(row.places) // 4 <= MOST_CHANGES for row in beside)
        Pages(connection, "summer", 1).erase()
        assert connection.execute(select(match_pages)).all()
        Pages(connection, "spring", 1).erase()
        assert not connection.execute(select(match_pages)).all()
        assert not connection.execute(select(match_changes)).all()
    engine.dispose()
