"""The tree of commands as a whole."""

from collections.abc import Iterator
from typing import Any

import pytest
from miyun_cli.main import command_tree

from tests.cli.conftest import Miyun

EVERYWHERE = {"home", "key_file", "json", "lang"}


def leaves(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    if hasattr(command, "commands"):
        for name, inner in command.commands.items():
            yield from leaves(inner, (*path, name))
    else:
        yield path, command


COMMANDS = dict(leaves(command_tree()))


def test_these_are_the_commands() -> None:
    assert sorted(" ".join(path) for path in COMMANDS) == sorted(
        """activate|agent run|answers ask|answers build|answers leave-out|answers list|answers remove|answers serve
        answers token|audience list|audience publish|audience show|audience withdraw
        audit show|audit verify|budget|catalogue columns|catalogue fetch|catalogue publish|catalogue search
        catalogue show|catalogue tree|contract activate|contract delegate|contract draft|contract list
        contract propose|contract revoke|contract show|contract sign|contract statement|delivery list
        delivery retry|delivery show|delivery wait|destination check|destination dry-run|destination list
        fuse|identity|init analyst|init party|init zone|insight board|insight fill-pool|insight key
        insight measure|insight overlap|insight portrait|insight quote|insight sums|intersect|intersections
        job list|job show|job wait|join|lookalike create|lookalike list|lookalike release|lookalike report
        members check|members explain|pair conformance|pair eids|pair ids|pair keys create|pair keys list
        pair keys rotate|pair keys share|pair lint|report|schedule list|secret list|secret remove|secret set
        segment change|segment create|segment estimate|segment explain|segment history|segment invalidate
        segment list|segment rename|segment show|size|zone contracts|zone invite
        zone members|zone restored|zone serve""".replace("\n        ", "|").split("|")
    )


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_every_command_takes_the_common_options_and_explains_its_own(path: tuple[str, ...]) -> None:
    command = COMMANDS[path]
    assert {parameter.name for parameter in command.params} >= EVERYWHERE
    assert command.help
    assert not command.get_short_help_str(80 - 14).endswith("...")
    for parameter in command.params:
        assert parameter.help, parameter.name


def test_options_are_taken_before_and_after_the_command(miyun: Miyun) -> None:
    for arguments in (["--json", "--home", "nowhere", "identity"], ["identity", "--json", "--home", "nowhere"]):
        outcome = miyun(*arguments, "--key-file", "key")
        assert outcome.status == 3
        assert "nowhere" in outcome.error["message"]


def test_the_innermost_option_wins(miyun: Miyun) -> None:
    outcome = miyun("--home", "outer", "identity", "--home", "inner", "--key-file", "key")
    assert "inner" in outcome.err


def test_without_arguments_it_helps(miyun: Miyun) -> None:
    outcome = miyun()
    assert (outcome.status, outcome.err) == (0, "")
    assert "Usage: miyun" in outcome.out
