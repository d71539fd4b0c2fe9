"""How commands fail."""

from typing import Any

import pytest
from miyun_cli import main as main_module
from miyun_cli.output import words

from miyun import errors
from tests.cli.conftest import Miyun, Standin

TREE = [
    kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, errors.MiyunError) and kind is not errors.MiyunError
]


@pytest.mark.parametrize("kind", TREE)
def test_every_error_ends_with_its_status_and_says_what_to_do(kind: Any, miyun: Miyun, party: Standin) -> None:
    party.answers["contracts.list"] = kind("It went wrong", hint="Do this.", clause="grants[3]")
    outcome = miyun("contract", "list")
    assert (outcome.status, outcome.out) == (kind.exit_status, "")
    place = " (at character 1)" if kind is errors.ExpressionError else ""
    assert outcome.err == f"Error: It went wrong{place} [grants[3]]\nDo this.\n"

    outcome = miyun("contract", "list", "--json")
    assert outcome.status == kind.exit_status
    expected = {"code": kind.code, "message": "It went wrong", "hint": "Do this.", "clause": "grants[3]"}
    if kind is errors.ExpressionError:
        expected["position"] = 0
    assert outcome.error == expected


def test_an_expression_error_carries_its_place(miyun: Miyun) -> None:
    outcome = miyun("segment", "explain", "spring", "members.a and", "--json")
    assert (outcome.status, outcome.error["code"], outcome.error["position"]) == (2, "expression", 13)


def test_people_see_the_place_of_an_expression_error(miyun: Miyun) -> None:
    outcome = miyun("segment", "explain", "spring", "members.x > 'abc'")
    what, excerpt, caret, hint = outcome.err.splitlines()
    assert what == "Error: 'abc' is not a day, and texts have no order (at character 13)"
    assert excerpt[caret.index("^") :] == "'abc'"
    assert hint.startswith("Write a day")


def test_the_place_is_shown_in_a_long_text_of_several_lines(miyun: Miyun) -> None:
    text = f"members.city = '{'杭' * 90}'\n  and members.x > 'abc'"
    what, excerpt, caret, _ = miyun("segment", "explain", "spring", text).err.splitlines()
    assert what.endswith("(at line 2, character 19)")
    assert excerpt[caret.index("^") :] == "'abc'"
    what, excerpt, caret, _ = miyun(
        "segment", "explain", "spring", f"members.city = '{'杭' * 90}' and members.x > 'abc'"
    ).err.splitlines()
    assert len(excerpt) <= 102
    wide = excerpt.count("杭")
    assert excerpt[caret.index("^") - wide :] == "'abc'"


@pytest.mark.parametrize(
    ("arguments", "message", "hint"),
    [
        (["contract", "sing"], "Did you mean 'sign'", "See: miyun contract --help"),
        (["contract", "sign"], "Missing argument", "See: miyun contract sign --help"),
        (["size", "a", "b", "--version", "x"], "valid integer", "See: miyun size --help"),
        (["contract"], "Missing command", "See: miyun contract --help"),
        (["--lang", "fr", "identity"], "fr", "See: miyun --help"),
    ],
)
def test_a_wrong_command_line_points_at_the_help(arguments: list[str], message: str, hint: str, miyun: Miyun) -> None:
    outcome = miyun(*arguments)
    assert outcome.status == 2
    assert message in outcome.err
    assert outcome.err.splitlines()[-1] == hint
    error = miyun(*arguments, "--json").error
    assert (error["code"], error["hint"]) == ("usage", hint)


def test_what_others_wrote_can_not_speak_to_the_terminal(miyun: Miyun, party: Standin) -> None:
    party.answers["contracts.list"] = errors.StateError("\x1b[2Jgone", hint="\x9b1m\u202eb", clause="\x07")
    assert miyun("contract", "list").err == "Error: �[2Jgone [�]\n�1m�b\n"
    assert words("\x1b[2Jtea\n\ud800") == "�[2Jtea\n�"


def test_a_defect_shows_no_traceback_and_no_message(miyun: Miyun, party: Standin) -> None:
    party.answers["contracts.list"] = ValueError("13800138000")
    outcome = miyun("contract", "list")
    assert outcome.status == 70
    assert "ValueError" in outcome.err
    assert "13800138000" not in outcome.err
    assert "Traceback" not in outcome.err


def test_tracebacks_can_be_asked_for(miyun: Miyun, party: Standin, monkeypatch: pytest.MonkeyPatch) -> None:
    party.answers["contracts.list"] = errors.StateError("It went wrong")
    monkeypatch.setenv("MIYUN_DEBUG", "1")
    assert "Traceback" in miyun("contract", "list").err


def test_an_interrupt_ends_quietly(miyun: Miyun, party: Standin) -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    party.answers["contracts.list"] = interrupted
    outcome = miyun("contract", "list")
    assert (outcome.status, outcome.out) == (130, "")
    assert "Traceback" not in outcome.err


def test_the_entry_point_exits_with_the_status(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(main_module.sys, "argv", ["miyun", "segment", "explain", "spring", "and"])
    with pytest.raises(SystemExit) as ended:
        main_module.main()
    assert ended.value.code == 2
