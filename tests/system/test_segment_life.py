"""Real processes: a platform publishes an audience, a merchant finds it, uses it by a code, and looks back."""

from pathlib import Path

import pytest

from demo.processes import CommandError
from demo.stage import Stage
from miyun.contract.model import Grant, Rung
from tests.system.plain import CAST, CONTRACT, set_up

GRANTS = [Grant(owner=CAST.platform, subject="tags.odd", rung=Rung.USE, recipient=CAST.merchant)]
WORDS = ("--title", "Odd people", "--title-zh", "单号用户", "--category", "numbers")


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_from_publication_to_history(tmp_path: Path) -> None:
    with Stage(tmp_path / "stage", CAST) as stage:
        set_up(stage, range(300), range(200, 600), grants=GRANTS)
        stage.start_agents()
        stage.merchant.run("fuse", CONTRACT)
        create = ("segment", "create", CONTRACT)
        stage.platform.run(*create, "odd-users", "tags.odd", "--universe", "platform", "--wait")
        stage.platform.run("audience", "publish", CONTRACT, "odd-users", *WORDS)

        (found,) = stage.merchant.run("audience", "list", CONTRACT, "单号 odd")
        ours = (*create, "ours", "odd-users within matched", "--code", "CRM/17", "--hidden")
        first = stage.merchant.run(*ours, "--wait")
        again = stage.merchant.run(*ours)
        with pytest.raises(CommandError, match="CRM/17"):
            stage.merchant.run(*create, "other", "odd-users within matched", "--code", "CRM/17")
        listed = stage.merchant.run("segment", "list", CONTRACT, "--owner", CAST.merchant)
        coded = stage.merchant.run("segment", "list", CONTRACT, "--code", "CRM/17")
        band = stage.platform.run("size", CONTRACT, "odd-users")
        (version,) = stage.platform.run("segment", "history", CONTRACT, "odd-users")
        changed = stage.merchant.run("segment", "change", CONTRACT, "ours", "--show", "--not-processable")
        with pytest.raises(CommandError, match="closed"):
            stage.platform.run(*create, "upon", "ours")
        stage.platform.run("audience", "withdraw", CONTRACT, "odd-users")
        left = stage.merchant.run("audience", "list", CONTRACT)
        assert stage.merchant.run("audit", "verify", CONTRACT)
        assert stage.platform.run("audit", "verify", CONTRACT)

    assert (found["segment"]["name"], found["title"]["zh"], found["lacking"]) == ("odd-users", "单号用户", "")
    assert first["id"] == again["id"]
    assert listed == []
    assert [segment["name"] for segment in coded] == ["ours"]
    assert (version["record"]["cause"], version["size"]) == ("created", band)
    assert (changed["hidden"], changed["processable"]) == (False, False)
    assert left == []
