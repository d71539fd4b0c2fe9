"""What docs/expressions.md says of the language is so."""

import re
from pathlib import Path

import pytest

import miyun
from miyun.segments.expression import Expression
from miyun.segments.parser import parse

PAGE = (Path(miyun.__file__).parent.parent / "docs" / "expressions.md").read_text(encoding="utf-8")
[EXAMPLES] = re.findall(r"```expression\n(.*?)```", PAGE, re.DOTALL)
[CODE] = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize("text", EXAMPLES.splitlines())
def test_examples_are_read(text: str) -> None:
    assert parse(parse(text).text()) == parse(text)


def test_python_says_the_same() -> None:
    names: dict[str, Expression] = {}
    exec(CODE, names)
    first, *_, last = EXAMPLES.splitlines()
    assert (names["big"], names["near"]) == (parse(first), parse(last))
