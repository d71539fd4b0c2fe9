"""Real processes: segments are united, intersected, excluded, paged, renamed and ended, by command and by Python."""

from pathlib import Path

import pytest

from demo.deliveries import read_ids
from demo.processes import Actor, CommandError
from demo.stage import Stage
from miyun import KeyFile, Party
from miyun.contract.model import Grant, Rung
from miyun.errors import NotFoundError
from miyun.segments import members, segment, tags
from miyun.segments.expression import Expression
from tests.system.plain import CAST, CONTRACT, set_up

MEMBERS, USERS = range(300), range(200, 600)
OPTED_OUT, DO_NOT_CONTACT, RISKY = {205, 231}, {235, 240}, {245}
GRANTS = [
    Grant(owner=CAST.platform, subject="tags.fifth", rung=rung, recipient=CAST.merchant)
    for rung in (Rung.SIZE, Rung.USE, Rung.ACTIVATE)
]
MATCHED = set(MEMBERS) & set(USERS)
ODD, FIFTH = ({person for person in MATCHED if person % 2}, {person for person in MATCHED if not person % 5})
REACHABLE = MATCHED - OPTED_OUT - DO_NOT_CONTACT - RISKY
DEFINITIONS = {
    "both": ("odd and fifth", segment("odd") & segment("fifth"), ODD & FIFTH),
    "either": ("odd or fifth", segment("odd") | segment("fifth"), ODD | FIFTH),
    "only": ("odd and not fifth", segment("odd") & ~segment("fifth"), ODD - FIFTH),
    "mixed": ("members.odd and not tags.fifth", members.odd & ~tags.fifth, ODD - FIFTH),
}


def people(file: Path) -> set[int]:
    ids = read_ids(file)
    assert len(set(ids)) == len(ids)
    return {int(id_[1:]) for id_ in ids}


def suppress(party: Actor, prefix: str, lists: dict[str, set[int]]) -> None:
    """Keep lists of people who must not be reached; the one without a name holds the opt-outs."""
    with (party.home / "party.toml").open("a", encoding="utf-8") as config:
        for name, listed in lists.items():
            file = party.home / f"{name or 'opt-outs'}.csv"
            file.write_text("\n".join(["id", *(f"{prefix}{person}" for person in listed)]) + "\n", encoding="utf-8")
            config.write(f'[suppression{name and ".lists."}{name}]\nfile = "{file.name}"\n')


def by_command(stage: Stage, name: str, definition: str) -> set[int]:
    stage.merchant.run("segment", "create", CONTRACT, name, definition, "--wait")
    return people(stage.activate(CONTRACT, name, stage.merchant, "member-messages", name)[1])


def by_python(party: Party, name: str, definition: Expression) -> set[int]:
    party.jobs.wait(CONTRACT, party.segments.create(CONTRACT, name, definition).id)
    job = party.activate(CONTRACT, name, recipient=party.name, channel="member-messages", key=name)
    party.jobs.wait(CONTRACT, job.id)
    return people(party.delivery(CONTRACT, job.id))


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_what_audience_managers_do_by_command_and_by_python(tmp_path: Path) -> None:
    with Stage(tmp_path / "stage", CAST) as stage:
        set_up(stage, MEMBERS, USERS, grants=GRANTS)
        suppress(stage.merchant, "m", {"": OPTED_OUT, "do-not-contact": DO_NOT_CONTACT})
        suppress(stage.platform, "u", {"risk": RISKY})
        stage.start_agents()
        run = stage.merchant.run
        checked = run("members", "check", CONTRACT)
        run("fuse", CONTRACT)
        run("segment", "create", CONTRACT, "odd", "members.odd", "--wait")
        run("segment", "create", CONTRACT, "fifth", "tags.fifth", "--wait")

        commanded = {name: by_command(stage, name, text) for name, (text, _, _) in DEFINITIONS.items()}
        run("segment", "rename", CONTRACT, "both", "shared")
        run("segment", "invalidate", CONTRACT, "only")
        pages = [run("segment", "list", CONTRACT, "--limit", "3", *after) for after in ((), ("--after", "mixed"))]
        with pytest.raises(CommandError, match="only"):
            by_command(stage, "upon", "only and fifth")
        band = run("size", CONTRACT, "either")

        with Party.open(stage.merchant.home, KeyFile(stage.merchant.key_file)) as party:
            called = {name: by_python(party, f"{name}-py", meaning) for name, (_, meaning, _) in DEFINITIONS.items()}
            party.segments.rename(CONTRACT, "both-py", "shared-py")
            party.segments.invalidate(CONTRACT, "only-py")
            with pytest.raises(NotFoundError, match="only-py"):
                party.segments.create(CONTRACT, "upon", segment("only-py"))
            states = {found.name: str(found.state) for found in party.segments.list(CONTRACT)}
            same = party.size(CONTRACT, "either-py")

    assert (checked["rows"], checked["members"], checked["bad_rows"]) == (len(MEMBERS), len(MEMBERS), {})
    expected = {name: selected & REACHABLE for name, (_, _, selected) in DEFINITIONS.items()}
    assert commanded == expected
    assert called == expected
    assert [[found["name"] for found in page] for page in pages] == [
        ["either", "fifth", "mixed"],
        ["odd", "only", "shared"],
    ]
    assert states["shared"] == states["shared-py"] == "ready"
    assert states["only"] == states["only-py"] == "invalidated"
    assert (band["at_least"], band["below"]) == (same.at_least, same.below), "the same meaning is noised once"
