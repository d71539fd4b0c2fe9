"""Texts of others, written where people look at them."""

import pytest

from miyun.words import as_cell


@pytest.mark.parametrize(
    "text", ["=1+1", "+1+A1", "-cmd", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "\0=1", "＝1", "＋A1", "－A1", "＠A1"]
)
def test_what_a_spreadsheet_would_run_becomes_text(text: str) -> None:
    assert as_cell(text) == f"'{text}"


@pytest.mark.parametrize("text", ["", "no-consent", "a=1", "-", "-1.5", "+86 138-0000-0000", "+1 (555) 010", "'=1"])
def test_other_texts_stay(text: str) -> None:
    assert as_cell(text) == text
