"""A small member table as a CSV file."""

import csv

import pytest

from miyun.members.config import load_members_config

SETTINGS = """
[members]
source = "csv"
path = "members.csv"
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
column = "no ads"
type = "boolean"

[members.consent]
column = "consent"
accepted = ["yes", "是"]

[suppression]
attribute = "opted_out"
"""

COLUMNS = ("id", "mobile", "mail", "spend", "no ads", "consent")


@pytest.fixture(scope="session")
def write_table():
    """Writes rows (dictionaries by column; consent is yes unless given) into a home; gives the configuration, with
    ``more`` at the end of its file."""

    def write(folder, rows, more=""):
        with (folder / "members.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, COLUMNS)
            writer.writeheader()
            writer.writerows({"consent": "yes", **row} for row in rows)
        (folder / "party.toml").write_text(SETTINGS + more, encoding="utf-8")
        return load_members_config(folder / "party.toml")

    return write
