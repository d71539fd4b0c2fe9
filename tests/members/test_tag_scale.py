"""Ten million pairs of a million users and 100,000 tags within 500 MiB, the catalogue included."""

import json
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest

USERS, TAGS, PAIRS, BRANCHES = 1_000_000, 100_000, 10_000_000, 2000
PER_PERSON = 12
LIMIT_MIB = 500

CONFIG = """
[members]
source = "parquet"
path = "members.parquet"
id = "id"
[members.identifiers.phone]
column = "mobile"
profile = "e164-cn"
[tags]
source = "parquet"
path = "pairs.parquet"
id = "user"
tag = "tag"
catalogue = "catalogue.csv"
"""

MEASURED = """
import json, re, sys
from pathlib import Path
import numpy as np
from miyun.contract.model import Consent, IdentifierTerms
from miyun.members.catalogue_file import load_catalogue
from miyun.members.config import load_members_config
from miyun.members.roster import Roster
from miyun.members.tagged import TaggedRows

folder = Path(sys.argv[1])
config = load_members_config(folder / "party.toml")
phone = [IdentifierTerms(type="phone", profile="e164-cn", evaluation_cap=1)]
consent = Consent(required=False, purposes=())
catalogue = load_catalogue(config.tags)
with Roster.build(folder / "roster", config, identifiers=phone, consent=consent, bucket=1000) as roster:
    rows = TaggedRows.build(folder / "tagged", config, roster, catalogue,
                            tags=catalogue.branch(), per_person=int(sys.argv[2]), key=bytes(32))
counts, known = np.zeros(len(rows.tags), np.int64), np.zeros(len(rows.dimensions) + 1, np.int64)
for totals, chunks in ((counts, rows.chunks(65536)), (known, rows.dimension_chunks(65536))):
    for chunk in chunks:
        totals += np.diff(chunk.offsets.astype(np.int64))
print(json.dumps({
    "carried": int(counts.sum()), "everybody": int(known[-1]), "tags": len(counts), "dimensions": len(known) - 1,
    "left_out": rows.report.left_out, "repeated": rows.report.repeated,
    "mib": int(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]) // 1024,
}))
"""


@pytest.mark.slow
def test_ten_million_pairs_fit(tmp_path):
    draw = np.random.default_rng(1)
    users = draw.integers(0, USERS, PAIRS)
    tags = (TAGS * draw.random(PAIRS) ** 3).astype(np.int64)
    pq.write_table(pa.table({"user": users, "tag": tags}), tmp_path / "pairs.parquet")
    mobile = pa.array(np.char.mod("%d", 13_000_000_000 + np.arange(USERS)).tolist())
    pq.write_table(pa.table({"id": np.arange(USERS), "mobile": mobile}), tmp_path / "members.parquet")
    ids = [f"b{branch}" for branch in range(BRANCHES)] + [str(tag) for tag in range(TAGS)]
    parents = [""] * BRANCHES + [f"b{tag % BRANCHES}" for tag in range(TAGS)]
    pa_csv.write_csv(pa.table({"id": ids, "parent": parents}), tmp_path / "catalogue.csv")
    (tmp_path / "party.toml").write_text(CONFIG, encoding="utf-8")
    pairs = np.unique(users * TAGS + tags)
    counts = np.bincount(pairs // TAGS, minlength=USERS)
    carried = int(np.minimum(counts, PER_PERSON).sum())
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, tmp_path, str(PER_PERSON)], capture_output=True, text=True, check=True
    )
    found = json.loads(done.stdout)
    assert found.pop("mib") < LIMIT_MIB
    assert found == {
        "carried": carried,
        "everybody": USERS,
        "tags": TAGS,
        "dimensions": BRANCHES,
        "left_out": len(pairs) - carried,
        "repeated": PAIRS - len(pairs),
    }
