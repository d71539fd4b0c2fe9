"""The language of segment expressions; what it means is in :mod:`miyun.segments.expression`."""

from collections.abc import Set
from functools import cache

from lark import Lark

from miyun.segments.near import MOST_POINTS

EXPRESSION_CHARACTERS = 10_000
"""Beside lists of points."""
POINTS_CHARACTERS = 25 * MOST_POINTS
"""In all lists of points."""
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
          | column _WITHIN_DISTANCE STRING _OF POINTS -> near
          | column _WITHIN_DISTANCE STRING _OF NAME "(" STRING ")" -> near_named
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
_WITHIN_DISTANCE.3: /within(?=\s*')/i
_OF.2: /of(?![\w-])/i
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
POINTS.2: /\(\s*\(\s*{0}\s*,\s*{0}\s*\)(\s*,\s*\(\s*{0}\s*,\s*{0}\s*\))*\s*\)/
NAME: /[^\W\d][\w-]*/

%import common.WS
%ignore WS
""".replace("{0}", r"[+-]?[0-9]{1,3}(\.[0-9]{1,17})?")

NAME = {"NAME", "QUOTED_NAME"}
_KINDS = (
    ({"NAME", "_NOT", "LPAR"}, "a condition such as members.spend > 1000, or a segment's name"),
    ({"NUMBER", "STRING"}, "a value: a number, 'text', true or false"),
    ({"STRING"}, "a day as '2026-01-31' or a time span as '30d'"),
    ({"OPERATOR", "_AND"}, "a comparison, 'and' or 'or'"),
    ({"_AND"}, "'and', 'or' or the end"),
    (NAME, "a column's name"),
    ({"DOT"}, "a column, as in members.spend"),
    ({"COMMA"}, "',' or ')'"),
    ({"_KNOWN"}, "'known' or 'missing'"),
    ({"MATCHED"}, "'matched', or a distance as '500m'"),
    ({"_OF"}, "'of'"),
    ({"POINTS"}, "points as ((30.25, 120.16), (30.27, 120.15)), latitude first"),
    ({"LPAR"}, "'('"),
    ({"RPAR"}, "')'"),
    (set[str](), "'and', 'or' or the end"),
)


@cache
def language() -> Lark:
    return Lark(GRAMMAR, parser="lalr", lexer="basic", maybe_placeholders=False)


def expected_words(accepts: Set[str]) -> str:
    """What could stand here, of these tokens."""
    return next(words for kinds, words in _KINDS if kinds <= accepts)
