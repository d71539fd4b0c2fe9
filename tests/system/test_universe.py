"""Real processes: a platform curates an audience of all its users, and a merchant makes one of its own out of it."""

from pathlib import Path

import pytest

from demo.deliveries import read_ids
from demo.processes import CommandError
from demo.stage import Stage
from miyun.contract.model import Grant, Rung
from tests.system.plain import CAST, CONTRACT, set_up

MEMBERS, USERS = range(300), range(200, 600)
OPTED_OUT = {210, 211}
GRANTS = [
    Grant(owner=CAST.platform, subject="tags.odd", rung=rung, recipient=CAST.merchant)
    for rung in (Rung.SIZE, Rung.USE, Rung.ACTIVATE)
]
OF_USERS = ("--universe", "platform")


def people(ids: list[str]) -> set[int]:
    assert len(set(ids)) == len(ids)
    return {int(id_[1:]) for id_ in ids}


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_platform_curates_and_a_merchant_reuses_within_the_match(tmp_path: Path) -> None:
    with Stage(tmp_path / "stage", CAST) as stage:
        set_up(stage, MEMBERS, USERS, grants=GRANTS)
        lines = "\n".join(["id", *(f"m{person}" for person in OPTED_OUT)])
        (stage.merchant.home / "opt-outs.csv").write_text(lines + "\n", encoding="utf-8")
        with (stage.merchant.home / "party.toml").open("a", encoding="utf-8") as config:
            config.write('[suppression]\nfile = "opt-outs.csv"\n')
        stage.start_agents()
        stage.merchant.run("fuse", CONTRACT)

        create = ("segment", "create", CONTRACT)
        stage.platform.run(*create, "curated", "tags.odd", *OF_USERS, "--wait")
        stage.merchant.run(*create, "ours", "curated within matched", "--wait")
        stage.platform.run(*create, "new", "curated and not ours", *OF_USERS, "--wait")
        listed = {segment["name"]: segment["universe"] for segment in stage.merchant.run("segment", "list", CONTRACT)}
        with pytest.raises(CommandError, match="universe platform"):
            stage.merchant.run(*create, "mixed", "curated and members.odd")
        band = stage.platform.run("size", CONTRACT, "curated")
        lists = {
            (segment, recipient.name): people(read_ids(stage.activate(CONTRACT, segment, recipient, channel, key)[1]))
            for segment, recipient, channel, key in (
                ("curated", stage.platform, "platform-ads", "one"),
                ("new", stage.platform, "platform-ads", "two"),
                ("ours", stage.merchant, "member-messages", "three"),
            )
        }
        with pytest.raises(CommandError, match="no counterpart"):
            stage.activate(CONTRACT, "curated", stage.merchant, "member-messages", "four")
        assert stage.merchant.run("audit", "verify", CONTRACT)

    odd = {person for person in USERS if person % 2}
    both = {person for person in odd if person in MEMBERS}
    assert listed == {"curated": "platform", "new": "platform", "ours": "matched"}
    assert len(odd) / 4 <= band["at_least"] <= len(odd) * 2
    assert lists["curated", CAST.platform] == odd - OPTED_OUT
    assert lists["new", CAST.platform] == odd - both
    assert lists["ours", CAST.merchant] == both - OPTED_OUT
