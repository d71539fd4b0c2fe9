"""The two tiny tables of the README, through real processes and the command, give the answer that the README gives."""

import csv
import io
import re
from pathlib import Path

import pytest

import miyun
from demo.deliveries import read_ids
from demo.stage import Stage, write_party
from tests.system.plain import CAST

ROOT = Path(miyun.__file__).parent.parent
CONTRACT = "tiny"
DEFINITION = "members.spend_365d > 1000"


def tables(readme: str) -> list[list[list[str]]]:
    """The member and the user table, as rows of cells with the header first."""
    blocks = re.findall(r"(?:^\|.*\n)+", readme, re.MULTILINE)
    rows = [
        [[cell.strip() for cell in line.strip("|\n").split("|")] for line in block.splitlines() if "---" not in line]
        for block in blocks
    ]
    return [table for table in rows if table[0][0] in {"member_id", "user_id"}]


def write_csv(path: Path, table: list[list[str]]) -> None:
    text = io.StringIO()
    csv.writer(text).writerows(table)
    path.write_text(text.getvalue(), encoding="utf-8")


def answers(readme: str) -> tuple[set[str], set[str]]:
    """The ids that the README says each side gets."""
    members, users = re.search(r"`(M[M0-9, ]+)`[^`]*`(U[U0-9, ]+)`", readme).groups()  # type: ignore[union-attr]
    return set(members.split(", ")), set(users.split(", "))


@pytest.mark.parametrize("name", ["README.md", "README.zh.md"])
def test_both_languages_show_the_same_tables(name: str) -> None:
    readme, english = ((ROOT / file).read_text("utf-8") for file in (name, "README.md"))
    assert tables(readme) == tables(english)
    assert len(tables(readme)) == 2
    assert answers(readme) == answers(english) == ({"M1", "M3"}, {"U1", "U3"})


def test_the_answer_is_right(tmp_path: Path) -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    members, users = tables(readme)
    with Stage(tmp_path / "stage", CAST) as stage:
        stage.make_homes()
        write_csv(tmp_path / "members.csv", members)
        write_csv(tmp_path / "users.csv", users)
        write_party(
            stage.merchant,
            {
                "members": {"source": "csv", "path": str(tmp_path / "members.csv"), "id": "member_id"},
                "members.identifiers.phone": {"column": "mobile", "profile": "e164-cn"},
                "members.identifiers.email": {"column": "email", "profile": "plain"},
                "members.attributes.spend_365d": {"type": "number"},
                "members.attributes.opted_out": {"type": "boolean"},
                "suppression": {"attribute": "opted_out"},
            },
        )
        write_party(
            stage.platform,
            {
                "members": {"source": "csv", "path": str(tmp_path / "users.csv"), "id": "user_id"},
                "members.identifiers.phone": {"column": "phone", "profile": "e164-cn"},
                "members.identifiers.email": {"column": "mail", "profile": "plain"},
                "members.attributes.city": {"type": "text"},
            },
        )
        stage.open_zone()
        stage.join()
        identifiers = ("--identifier", "phone:e164-cn:1000", "--identifier", "email:plain:1000")
        draft, _ = stage.draft(CONTRACT, *identifiers, "--column", "spend_365d", "--no-consent", "--padding", "1")
        stage.agree(CONTRACT, draft)
        stage.start(stage.platform, "agent", "run")
        stage.merchant.run("fuse", CONTRACT)
        stage.merchant.run("segment", "create", CONTRACT, "valuable", DEFINITION, "--wait")
        delivered = tuple(
            set(read_ids(stage.activate(CONTRACT, "valuable", owner, channel, channel)[1]))
            for owner, channel in ((stage.merchant, "member-messages"), (stage.platform, "platform-ads"))
        )
        analyst = stage.hire_analyst("analyst")
        stage.merchant.run("contract", "delegate", CONTRACT, "--analyst", analyst.name, "--compared")
        band = analyst.run("size", CONTRACT, "valuable")

    assert delivered == answers(readme)
    assert (band["at_least"], band["below"]) == (0, 100)
