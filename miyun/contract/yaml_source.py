"""The strict subset of YAML that contracts are written in, with the line of every value.

Plain ``true``, ``false``, ``null`` and decimal integers (``10_000_000``) mean what they say; every other scalar is
text, dates included. Anchors, aliases, tags, repeated keys and second documents are refused.
"""

import re
from typing import Any

import yaml

from miyun.errors import ContractError

_LARGEST_CHARACTERS = 200_000
_INTEGER = re.compile(r"-?[0-9](_?[0-9]){0,18}")
_WORDS = {"true": True, "false": False, "null": None, "": None}
_DEEPEST = 16
_OPENING_TOKENS = (
    yaml.BlockSequenceStartToken,
    yaml.BlockMappingStartToken,
    yaml.FlowSequenceStartToken,
    yaml.FlowMappingStartToken,
)
_CLOSING_TOKENS = (yaml.BlockEndToken, yaml.FlowSequenceEndToken, yaml.FlowMappingEndToken)
_REFUSED_TOKENS = (yaml.AnchorToken, yaml.AliasToken, yaml.TagToken, yaml.DirectiveToken)

Path = tuple[str | int, ...]


class YamlSource:
    """A parsed document: ``value`` as plain JSON values, ``line(path)`` for messages."""

    def __init__(self, text: str) -> None:
        """Parse.

        Raises:
            ContractError: not YAML, or more of YAML than a contract may use.
        """
        if len(text) > _LARGEST_CHARACTERS:
            raise ContractError("the contract is too long", hint="Check that this is the right file.")
        self._lines: dict[Path, int] = {}
        try:
            _check_tokens(text)
            node = yaml.compose(text, Loader=yaml.BaseLoader)
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            where = f" in line {mark.line + 1}" if mark is not None else ""
            raise ContractError(
                f"the contract is not readable YAML{where}: {getattr(error, 'problem', None) or 'malformed'}",
                hint="Check the indentation and the quotes there.",
            ) from None
        if node is None:
            raise ContractError("the contract is empty", hint="Draft one with `miyun contract draft`.")
        self.value = self._plain(node, ())

    def line(self, path: Path) -> int:
        """The line, from 1, of the value at ``path``, or of the nearest that there is around it."""
        while path not in self._lines:
            path = path[:-1]
        return self._lines[path]

    def _plain(self, node: yaml.Node, path: Path) -> Any:
        self._lines[path] = node.start_mark.line + 1
        if isinstance(node, yaml.SequenceNode):
            return [self._plain(item, (*path, index)) for index, item in enumerate(node.value)]
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        plain = isinstance(node, yaml.ScalarNode) and node.style is None
        return _scalar(node.value) if plain else node.value

    def _mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, Any]:
        mapping: dict[str, Any] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise _refused("a key that is not a word", key.start_mark.line)
            if key.value in mapping:
                raise _refused(f"“{key.value}” twice", key.start_mark.line)
            mapping[key.value] = self._plain(value, (*path, key.value))
        return mapping


def _check_tokens(text: str) -> None:
    depth = 0
    for token in yaml.scan(text, Loader=yaml.BaseLoader):
        if isinstance(token, _REFUSED_TOKENS):
            raise _refused("an anchor, alias, tag or directive", token.start_mark.line)
        depth += isinstance(token, _OPENING_TOKENS) - isinstance(token, _CLOSING_TOKENS)
        if depth > _DEEPEST:
            raise _refused("too many levels", token.start_mark.line)


def _scalar(text: str) -> Any:
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    return text


def _refused(what: str, line: int) -> ContractError:
    return ContractError(
        f"the contract has {what} in line {line + 1}",
        hint="Write the value out plainly: a contract must mean the same to everybody who reads it.",
    )
