"""A join code survives copying, and a slip of the copy is noticed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from miyun.errors import InputError
from miyun.keys.home import Role
from miyun.transport.join_code import JoinCode

CODE = JoinCode(
    address="zone.example:7443",
    enrolment_address="zone.example:7444",
    authority_fingerprint="ab" * 32,
    secret="c2VjcmV0",
    role=Role.PARTY,
    name="tea-shop",
)


def test_there_and_back_with_wrapped_lines_and_capitals() -> None:
    text = CODE.encode()

    assert text.isalnum()
    assert text.startswith("miyun1")
    assert JoinCode.decode(text) == CODE
    assert JoinCode.decode(f"  {text[:70]}\r\n {text[70:].upper()}\n") == CODE


@given(st.data())
def test_any_single_slip_is_noticed(data: st.DataObject) -> None:
    text = CODE.encode()
    place = data.draw(st.integers(0, len(text) - 1))
    letter = data.draw(st.sampled_from("abcdefghijklmnopqrstuvwxyz234567").filter(lambda other: other != text[place]))

    for slip in (text[:place] + letter + text[place + 1 :], text[:place] + text[place + 1 :], text[:place]):
        with pytest.raises(InputError):
            JoinCode.decode(slip)


@pytest.mark.parametrize("text", ["", "miyun1", "miyun2abc", "hello", "miyun1é", "miyun10189", "miyun1" + "a" * 64])
def test_what_is_no_code_is_an_input_error_with_a_hint(text: str) -> None:
    with pytest.raises(InputError) as caught:
        JoinCode.decode(text)

    assert caught.value.hint


def test_the_secret_does_not_show() -> None:
    assert CODE.secret not in repr(CODE)
