"""Rosters as deltas leave them."""

from typing import Any

from sqlalchemy import event

from miyun.members.changing import MemberPlace, RosterChange
from miyun.party.fusion_states import FusionState
from miyun.party.roster_changes import StoredChange
from miyun.party.rosters import ChangePart
from miyun.party.session import Session
from miyun.psi.statements import Announcement, Rebinds
from tests.party.test_deliver import fused  # noqa: F401 - a fixture
from tests.party.world import MERCHANT, World


def begin(session: Session, job: str, sequence: int, handle: int) -> None:
    """A delta in which one member comes."""
    announcement = Announcement(contract="spring", job=job, epoch=1, party=MERCHANT, handles=1, counts=())
    came = MemberPlace(member=f"m{90 + sequence}", handle=handle, live=True)
    change = RosterChange(handles=1, members=(came,), padding=(), types=())
    rebinds = Rebinds(contract="spring", job=job, epoch=1, party=MERCHANT, counts=(), rebinds_digest=bytes(32))
    session.fusions.begin(announcement, b"", sequence)
    session.roster_changes.begin(StoredChange(change=change, rebinds=rebinds, signature=b"", values=b""))


def end(session: Session, job: str) -> None:
    session.fusions.end(
        "spring",
        job,
        FusionState.FINISHED,
        lambda connection: session.roster_changes.take_in(connection, "spring", job),
    )


def shown(session: Session) -> tuple[int, int]:
    """How many handles there are, and the last that somebody has."""
    with session.rosters.open("spring", 1) as roster:
        return roster.universe, int(roster.live().max())


def test_what_deltas_are_to_be_made_of_outlives_the_end_of_the_fusion_before(fused: World) -> None:  # noqa: F811
    rosters = fused.session(MERCHANT).rosters
    begun = rosters.path("spring", 1, "fuse-1")
    asked = rosters.change_file("spring", 1, "fuse-2", ChangePart.ADD)
    compared = rosters.compared_file("spring", 1, ChangePart.REMOVE)
    over = rosters.change_file("spring", 0, "fuse-0", ChangePart.ADD)
    given_up = rosters.path("spring", 1, "fuse-3")
    for file in (asked, compared, over, given_up):
        file.write_bytes(b"")

    rosters.prune("spring")

    assert {begun: True, asked: True, compared: True, over: False, given_up: False} == {
        file: file.is_file() for file in (begun, asked, compared, over, given_up)
    }


def test_a_delta_that_ends_while_a_roster_is_opened_is_in_it_as_a_whole_or_not_at_all(fused: World) -> None:  # noqa: F811
    session = fused.session(MERCHANT)
    size, _ = shown(session)
    begin(session, "first", 1, size)
    end(session, "first")
    begin(session, "second", 2, size + 1)
    looks = 0

    @event.listens_for(session._engine, "after_cursor_execute")
    def look(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        nonlocal looks
        looks += statement.startswith("SELECT") and "FROM fusions" in statement
        if looks == 2:
            looks += 1
            end(session, "second")

    assert shown(session) == (size + 1, size)
    assert looks > 2
    assert shown(session) == (size + 2, size + 1)
