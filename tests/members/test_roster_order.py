"""Neither handles nor uploads show the order of the source, or each other's.

Over BUILDS tables of ROWS rows, with ranks drawn independently, Spearman's rho has mean 0 and variance 1 / (ROWS - 1);
its mean over the builds stays within BOUND standard errors of 0, and the mean of |rho| within BOUND standard errors of
√(2 / (π (ROWS - 1))). A right implementation fails once in about 10⁵ runs.
"""

import itertools
import math
import tempfile
from pathlib import Path

import numpy as np
import pytest

from miyun.contract.model import Consent, IdentifierTerms
from miyun.members.roster import Roster, encode_value

BUILDS = 24
ROWS = 400
BOUND = 5
TYPES = (
    IdentifierTerms(type="phone", profile="e164-cn", evaluation_cap=1),
    IdentifierTerms(type="email", profile="uid2", evaluation_cap=1),
)


def places(folder, config):
    """Of every source row: its place in the source, its handle, its places in the uploads."""
    with Roster.build(
        folder / "roster.duckdb",
        config,
        identifiers=TYPES,
        consent=Consent(required=False, purposes=()),
        bucket=7,
    ) as roster:
        found = {"source": np.arange(ROWS)}
        spelled = {
            "phone": [f"+86{13_000_000_000 + row}" for row in range(ROWS)],
            "email": [f"u{row}@qq.com" for row in range(ROWS)],
        }
        for type_, values in spelled.items():
            chunk = roster.chunk(type_, 0)
            place = {value: number for number, value in enumerate(chunk.values) if value is not None}
            found[type_] = np.array([place[encode_value(type_, value)] for value in values])
            found[f"handle by {type_}"] = chunk.handles[found[type_]]
        assert (found["handle by phone"] == found["handle by email"]).all()
        padding = [place for place, value in enumerate(roster.chunk("phone", 0).values) if value is None]
        return {**found, "padding": np.array(padding) / (roster.points("phone") - 1)}


def rho(left, right):
    """Spearman's rank correlation; no ties."""
    return np.corrcoef(left.argsort().argsort(), right.argsort().argsort())[0, 1]


@pytest.fixture(scope="module")
def drawn(write_table):
    rows = [{"id": f"m{row}", "mobile": str(13_000_000_000 + row), "mail": f"u{row}@qq.com"} for row in range(ROWS)]
    with tempfile.TemporaryDirectory() as name:
        config = write_table(Path(name), rows)
        return [places(Path(name), config) for _ in range(BUILDS)]


@pytest.mark.parametrize(
    ("left", "right"), list(itertools.combinations(("source", "handle by phone", "phone", "email"), 2))
)
def test_no_order_shows_in_another(drawn, left, right):
    measured = np.array([rho(build[left], build[right]) for build in drawn])
    variance = 1 / (ROWS - 1)
    assert abs(measured.mean()) <= BOUND * math.sqrt(variance / BUILDS)
    usual = math.sqrt(2 * variance / math.pi)
    assert abs(np.abs(measured).mean() - usual) <= BOUND * math.sqrt(variance * (1 - 2 / math.pi) / BUILDS)


def test_padding_is_anywhere_in_the_upload(drawn):
    """Places are uniform on 0 … 1, of variance 1 / 12."""
    measured = np.concatenate([build["padding"] for build in drawn])
    assert len(measured) > BUILDS
    assert abs(measured.mean() - 0.5) <= BOUND * math.sqrt(1 / 12 / len(measured))
    assert abs(np.abs(measured - 0.5).mean() - 0.25) <= BOUND * math.sqrt(1 / 48 / len(measured))
