"""A million rows of two identifier types within 500 MiB, whatever the source."""

import json
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest

ROWS = 1_000_000
LIMIT_MIB = 500

CONFIG = """
[members]
source = "{source}"
{place}
id = "id"
[members.identifiers.phone]
column = "mobile"
profile = "e164-cn"
[members.identifiers.email]
column = "mail"
profile = "uid2"
[members.attributes.spend]
type = "number"
[members.attributes.opted_out]
type = "boolean"
[suppression]
attribute = "opted_out"
"""

MEASURED = """
import json, math, re, sys
from pathlib import Path
from miyun.contract.model import Consent, IdentifierTerms
from miyun.members.config import load_members_config
from miyun.chunking import CHUNK_POINTS
from miyun.members.roster import Roster

folder = Path(sys.argv[1])
config = load_members_config(folder / "party.toml")
types = [IdentifierTerms(type="phone", profile="e164-cn", evaluation_cap=1),
         IdentifierTerms(type="email", profile="uid2", evaluation_cap=1)]
consent = Consent(required=False, purposes=())
with Roster.build(folder / "roster", config, identifiers=types, consent=consent, bucket=1000) as roster:
    values = 0
    for type_ in ("phone", "email"):
        for index in range(math.ceil(roster.points(type_) / CHUNK_POINTS)):
            values += sum(value is not None for value in roster.chunk(type_, index).values)
    rich = roster.rows_where(config, '"spend" >= ?', [500])
    suppressed = roster.suppressed(config)
    roster.forget_values()
    ids = sum(map(len, roster.member_ids(rich)))
    print(json.dumps({
        "members": roster.report.members, "values": values, "rich": ids, "suppressed": len(suppressed),
        "mib": int(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]) // 1024,
    }))
"""


def members():
    """Deterministic: distinct phones in the usual spellings, an email for every second row."""
    rows = np.arange(ROWS)
    text = np.char.mod("%d", 13_000_000_000 + rows).astype("U15")
    text[::3] = np.char.add("+86 ", text[::3])
    mail = np.where(rows % 2, np.char.add(np.char.mod("User.%d", rows), "@gmail.com"), "")
    return pa.table(
        {
            "id": rows,
            "mobile": pa.array(text.tolist()),
            "mail": pa.array(mail.tolist()),
            "spend": rows % 1000,
            "opted_out": rows % 100 == 0,
        }
    )


@pytest.mark.slow
@pytest.mark.parametrize("source", ["csv", "parquet", "postgresql"])
def test_a_million_rows_fit(tmp_path, source, request):
    table = members()
    place = f'path = "members.{source}"'
    kind = source
    if source == "csv":
        pa_csv.write_csv(table, tmp_path / "members.csv")
    elif source == "parquet":
        pq.write_table(table, tmp_path / "members.parquet", row_group_size=ROWS)
    else:
        import psycopg

        url = request.getfixturevalue("postgres_url")
        kind, place = "sql", f'url = "{url}"\nquery = "SELECT * FROM members"'
        pa_csv.write_csv(table, tmp_path / "members.csv", pa_csv.WriteOptions(include_header=False))
        with psycopg.connect(url) as connection, connection.cursor() as cursor:
            cursor.execute("CREATE TABLE members (id bigint, mobile text, mail text, spend int, opted_out boolean)")
            with cursor.copy("COPY members FROM STDIN WITH (FORMAT csv)") as copy:
                copy.write((tmp_path / "members.csv").read_bytes())
    (tmp_path / "party.toml").write_text(CONFIG.format(source=kind, place=place), encoding="utf-8")
    done = subprocess.run([sys.executable, "-c", MEASURED, tmp_path], capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    assert found.pop("mib") < LIMIT_MIB
    copies = found.pop("suppressed") - ROWS // 100
    assert 0 <= copies < 3000
    assert found == {"members": ROWS, "values": ROWS + ROWS // 2, "rich": ROWS // 2}
