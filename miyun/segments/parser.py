"""Reading segment expressions: from the tree of :mod:`miyun.segments.grammar` to nodes in normal form."""

import re
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from typing import NoReturn

from lark import Token, Tree
from lark.exceptions import UnexpectedCharacters, UnexpectedToken

from miyun.errors import ExpressionError
from miyun.segments.expression import (
    BEST,
    KEYWORDS,
    Best,
    Column,
    Expression,
    Flag,
    Known,
    Matched,
    Operator,
    SegmentRef,
    best,
    comparison,
    conjunction,
    disjunction,
    membership,
    negation,
)
from miyun.segments.grammar import (
    EXPRESSION_CHARACTERS,
    NAME,
    NESTED_PARENTHESES,
    POINTS_CHARACTERS,
    expected_words,
    language,
)
from miyun.segments.near import NO_PLACES, Degrees, Places, near
from miyun.segments.values import Value, check_text, parse_age, parse_day

_NUMBERS = re.compile(r"[+-]?[0-9.]+").findall
_SHOWN_CHARACTERS = 40
_FULL_WIDTH = str.maketrans("（），。＝＜＞！‘’“”＂＇", "(),.=<>!''\"\"\"'")


Child = Tree[Token] | Token


def parse(text: str, points: Places = NO_PLACES) -> Expression:
    """Read an expression. ``points`` are lists that it may name, as ``points('shops')``; its own text has them in full.

    Raises:
        ExpressionError: it can't be read; ``position`` is the place.
    """
    _check_length(text, EXPRESSION_CHARACTERS + POINTS_CHARACTERS)
    try:
        _check_size(text)
        tree = language().parse(text)
    except UnexpectedCharacters as error:
        _refuse_character(text, error.pos_in_stream or 0)
    except UnexpectedToken as error:
        _refuse_token(text, error)
    expression = _expression(tree, points)
    if points:
        _check_size(expression.text())
    return expression


def _check_length(text: str, most: int) -> None:
    if len(text) > most:
        raise ExpressionError(
            f"an expression has at most {EXPRESSION_CHARACTERS} characters, and as many as {POINTS_CHARACTERS} more in "
            "lists of points",
            position=most,
            hint="Make segments of its parts and name them.",
        )


def _check_size(text: str) -> None:
    depth = negations = points = 0
    for token in language().lex(text):
        points += len(token) if token.type == "POINTS" else 0
        depth += {"LPAR": 1, "RPAR": -1}.get(token.type, 0)
        negations = negations + 1 if token.type == "_NOT" else 0
        if depth > NESTED_PARENTHESES or negations > NESTED_PARENTHESES:
            raise ExpressionError(
                f"more than {NESTED_PARENTHESES} parentheses or 'not' inside each other",
                position=token.start_pos or 0,
                hint="Make a segment of the inner part and name it.",
            )
    if len(text) - points > EXPRESSION_CHARACTERS or points > POINTS_CHARACTERS:
        _check_length(text, EXPRESSION_CHARACTERS)


def _expression(tree: Tree[Token], points: Places) -> Expression:  # noqa: PLR0911
    children = tree.children
    match tree.data:
        case "start":
            operands = [_expression(_tree(children[0]), points)]
            return conjunction([*operands, Matched()] if len(children) == 2 else operands)
        case "disjunction":
            return disjunction(_expression(_tree(child), points) for child in children)
        case "conjunction":
            return conjunction(_expression(_tree(child), points) for child in children)
        case "complement":
            return negation(_expression(_tree(children[0]), points))
        case "matched":
            return Matched()
        case "segment":
            name, position = _name(_tree(children[0]))
            return SegmentRef(name=name, position=position)
        case "call":
            return _call(*children)
    return _of_a_column(tree, points)


def _of_a_column(tree: Tree[Token], points: Places) -> Expression:  # noqa: PLR0911
    children = tree.children
    column = _column(_tree(children[0]))
    match tree.data:
        case "flag":
            return Flag(column=column)
        case "known":
            return Known(column=column)
        case "missing":
            return negation(Known(column=column))
        case "comparison":
            value, position = _value(_token(_tree(children[2]).children[0]))
            return comparison(column, Operator(_token(children[1])), value, position)
        case "time":
            return _time(column, _token(children[1]), _token(children[2]))
        case "near":
            return _near(column, _token(children[1]), _listed(_token(children[2])))
        case "near_named":
            return _near(column, _token(children[1]), _named(_token(children[2]), _token(children[3]), points))
        case "membership":
            values = [_value(_token(_tree(child).children[0])) for child in children[1:]]
            return membership(column, [value for value, _ in values], values[0][1])
    raise AssertionError(tree.data)


def _call(namespace: Child, function: Child, *arguments: Child) -> Expression:
    position = _token(namespace).start_pos or 0
    if (_token(namespace), _token(function)) != (Best.NAMESPACE, BEST):
        raise ExpressionError(
            f"there is no {namespace}.{function}(…)",
            position=position,
            hint=f"Write {Best.NAMESPACE}.{BEST}(100000, 'tea-lovers'), or a column as members.spend.",
        )
    count, lookalike = (_value(_token(_tree(argument).children[0]))[0] for argument in arguments)
    return best(count, lookalike, position)


def _time(column: Column, direction: Token, literal: Token) -> Expression:
    text, position = _unquoted(literal, "'"), literal.start_pos or 0
    try:
        moment = parse_age(text) or parse_day(text)
    except ExpressionError as error:
        raise ExpressionError(error.message, position=position, hint=error.hint) from None
    if moment is None:
        raise ExpressionError(
            f"'{text}' is neither a time span nor a day",
            position=position,
            hint="Write '30d', '4w', '6m', '1y' or '2026-01-31'.",
        )
    return comparison(column, Operator.LESS if direction.type == "BEFORE" else Operator.GREATER, moment, position)


def _near(column: Column, distance: Token, points: Iterable[tuple[Degrees, Degrees]]) -> Expression:
    return near(column, _unquoted(distance, "'"), points, distance.start_pos or 0)


def _listed(token: Token) -> Iterator[tuple[str, str]]:
    """The points of a list, as written."""
    numbers = iter(_NUMBERS(token))
    return zip(numbers, numbers, strict=True)


def _named(function: Token, literal: Token, points: Places) -> Sequence[tuple[Degrees, Degrees]]:
    name = _unquoted(literal, "'")
    if function == "points" and name in points:
        return points[name]
    near_by = f"Give the file with them: --points {name}.csv" if function == "points" else "Write points('shops')."
    raise ExpressionError(
        f"there are no points '{name}'" if function == "points" else f"there is no {function}(…)",
        position=function.start_pos or 0,
        hint=near_by,
    )


def _column(tree: Tree[Token]) -> Column:
    namespace = _token(tree.children[0])
    name, _ = _name(_tree(tree.children[1]))
    return Column(namespace=str(namespace), name=name, position=namespace.start_pos or 0)


def _name(tree: Tree[Token]) -> tuple[str, int]:
    token = _token(tree.children[0])
    return (_unquoted(token, '"') if token.type == "QUOTED_NAME" else str(token)), token.start_pos or 0


def _value(token: Token) -> tuple[Value, int]:
    position = token.start_pos or 0
    match token.type:
        case "NUMBER":
            return Decimal(str(token)), position
        case "STRING":
            return check_text(_unquoted(token, "'"), position), position
        case _:
            return token.type == "TRUE", position


def _unquoted(token: Token, quote: str) -> str:
    return str(token)[1:-1].replace(quote * 2, quote)


def _tree(child: Child) -> Tree[Token]:
    assert isinstance(child, Tree)  # noqa: S101
    return child


def _token(child: Child) -> Token:
    assert isinstance(child, Token)  # noqa: S101
    return child


def _refuse_character(text: str, position: int) -> NoReturn:
    character = text[position]
    plain = character.translate(_FULL_WIDTH)
    if character in "'\"":
        raise ExpressionError(
            "a quotation mark is never closed", position=position, hint=f"Add the closing {character}."
        ) from None
    if plain != character:
        raise ExpressionError(f"'{character}' is a full-width sign", position=position, hint=f"Write {plain} instead.")
    if text[:position].rstrip().lower().endswith("within"):
        raise ExpressionError(
            "a distance stands in quotes", position=position, hint="Write within '500m' of (…)."
        ) from None
    raise ExpressionError(
        f"'{character}' means nothing here",
        position=position,
        hint="Put texts in 'single' quotes and unusual names in \"double\" quotes.",
    ) from None


def _refuse_token(text: str, error: UnexpectedToken) -> NoReturn:
    token = error.token
    expected = expected_words(error.accepts)
    if token.type == "$END":
        raise ExpressionError("the expression ends too early", position=len(text.rstrip()), hint=f"Add {expected}.")
    if token.type == "_NOT" and "_IN" in error.accepts:
        hint = "Write not members.tier in (…); that holds also where the tier is missing."
    elif token.lower() in KEYWORDS and error.accepts == NAME:
        hint = f'Put a column with such a name in double quotes: "{token}".'
    else:
        hint = f"Write {expected} here."
    shown = token if len(token) <= _SHOWN_CHARACTERS else f"{token[:_SHOWN_CHARACTERS]}…"
    raise ExpressionError(f"'{shown}' can't stand here", position=token.start_pos or 0, hint=hint) from None
