"""Reading segment expressions. ``GRAMMAR`` is the language; what it means is in :mod:`miyun.segments.expression`."""

from decimal import Decimal
from functools import cache
from typing import NoReturn

from lark import Lark, Token, Tree
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
from miyun.segments.values import Value, check_text, parse_age, parse_day

EXPRESSION_CHARACTERS = 10_000
NESTED_PARENTHESES = 32

GRAMMAR = r"""
start: disjunction [_WITHIN MATCHED]

?disjunction: conjunction (_OR conjunction)*
?conjunction: negation (_AND negation)*
?negation: _NOT negation -> complement
         | condition
?condition: "(" disjunction ")"
          | MATCHED -> matched
          | name -> segment
          | column -> flag
          | column OPERATOR value -> comparison
          | column (BEFORE | AFTER) STRING -> time
          | column _IN "(" value ("," value)* ")" -> membership
          | column _IS _KNOWN -> known
          | column _IS _MISSING -> missing
          | NAME "." NAME "(" value "," value ")" -> call

column: NAME "." name
name: NAME | QUOTED_NAME
value: NUMBER | STRING | TRUE | FALSE

_AND.2: /and(?![\w-])/i
_OR.2: /or(?![\w-])/i
_NOT.2: /not(?![\w-])/i
_IN.2: /in(?![\w-])/i
_IS.2: /is(?![\w-])/i
_KNOWN.2: /known(?![\w-])/i
_MISSING.2: /missing(?![\w-])/i
_WITHIN.2: /within(?![\w-])/i
MATCHED.2: /matched(?![\w-])/i
BEFORE.2: /before(?![\w-])/i
AFTER.2: /after(?![\w-])/i
TRUE.2: /true(?![\w-])/i
FALSE.2: /false(?![\w-])/i
OPERATOR: "<=" | ">=" | "!=" | "=" | "<" | ">"
NUMBER: /[+-]?[0-9]+(\.[0-9]+)?(?![\w.])/
STRING: /'(?:[^']|'')*'/
QUOTED_NAME: /"(?:[^"]|"")*"/
NAME: /[^\W\d][\w-]*/

%import common.WS
%ignore WS
"""

_NAME = {"NAME", "QUOTED_NAME"}
_KINDS = (
    ({"NAME", "_NOT", "LPAR"}, "a condition such as members.spend > 1000, or a segment's name"),
    ({"NUMBER", "STRING"}, "a value: a number, 'text', true or false"),
    ({"STRING"}, "a day as '2026-01-31' or a time span as '30d'"),
    ({"OPERATOR", "_AND"}, "a comparison, 'and' or 'or'"),
    ({"_AND"}, "'and', 'or' or the end"),
    (_NAME, "a column's name"),
    ({"DOT"}, "a column, as in members.spend"),
    ({"COMMA"}, "',' or ')'"),
    ({"_KNOWN"}, "'known' or 'missing'"),
    ({"MATCHED"}, "'matched'"),
    ({"LPAR"}, "'('"),
    ({"RPAR"}, "')'"),
    (set[str](), "'and', 'or' or the end"),
)
_FULL_WIDTH = str.maketrans("（），。＝＜＞！‘’“”＂＇", "(),.=<>!''\"\"\"'")


Child = Tree[Token] | Token


def parse(text: str) -> Expression:
    """Read an expression.

    Raises:
        ExpressionError: it can't be read; ``position`` is the place.
    """
    if len(text) > EXPRESSION_CHARACTERS:
        raise ExpressionError(
            f"an expression has at most {EXPRESSION_CHARACTERS} characters",
            position=EXPRESSION_CHARACTERS,
            hint="Make segments of its parts and name them.",
        )
    try:
        _check_nesting(text)
        tree = _language().parse(text)
    except UnexpectedCharacters as error:
        _refuse_character(text, error.pos_in_stream or 0)
    except UnexpectedToken as error:
        _refuse_token(text, error)
    return _expression(tree)


@cache
def _language() -> Lark:
    return Lark(GRAMMAR, parser="lalr", lexer="basic", maybe_placeholders=False)


def _check_nesting(text: str) -> None:
    depth = negations = 0
    for token in _language().lex(text):
        depth += {"LPAR": 1, "RPAR": -1}.get(token.type, 0)
        negations = negations + 1 if token.type == "_NOT" else 0
        if depth > NESTED_PARENTHESES or negations > NESTED_PARENTHESES:
            raise ExpressionError(
                f"more than {NESTED_PARENTHESES} parentheses or 'not' inside each other",
                position=token.start_pos or 0,
                hint="Make a segment of the inner part and name it.",
            )


def _expression(tree: Tree[Token]) -> Expression:  # noqa: PLR0911
    children = tree.children
    match tree.data:
        case "start":
            operands = [_expression(_tree(children[0]))]
            return conjunction([*operands, Matched()] if len(children) == 2 else operands)
        case "disjunction":
            return disjunction(_expression(_tree(child)) for child in children)
        case "conjunction":
            return conjunction(_expression(_tree(child)) for child in children)
        case "complement":
            return negation(_expression(_tree(children[0])))
        case "matched":
            return Matched()
        case "segment":
            name, position = _name(_tree(children[0]))
            return SegmentRef(name=name, position=position)
        case "call":
            return _call(*children)
    return _of_a_column(tree)


def _of_a_column(tree: Tree[Token]) -> Expression:
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
    raise ExpressionError(
        f"'{character}' means nothing here",
        position=position,
        hint="Put texts in 'single' quotes and unusual names in \"double\" quotes.",
    ) from None


def _refuse_token(text: str, error: UnexpectedToken) -> NoReturn:
    token = error.token
    expected = next(words for kinds, words in _KINDS if kinds <= error.accepts)
    if token.type == "$END":
        raise ExpressionError("the expression ends too early", position=len(text.rstrip()), hint=f"Add {expected}.")
    if token.type == "_NOT" and "_IN" in error.accepts:
        hint = "Write not members.tier in (…); that holds also where the tier is missing."
    elif token.lower() in KEYWORDS and error.accepts == _NAME:
        hint = f'Put a column with such a name in double quotes: "{token}".'
    else:
        hint = f"Write {expected} here."
    raise ExpressionError(f"'{token}' can't stand here", position=token.start_pos or 0, hint=hint) from None
