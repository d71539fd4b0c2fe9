"""How the suite talks with an implementation in another language: one JSON object a line, a question, then its answer.

::

    {"id": 1, "operation": "hello", "protocol": "miyun-pair-1"}
    {"id": 1, "name": "my-pair", "version": "2.0", "operations": ["encrypt", "reencrypt", "decrypt"]}
    {"id": 2, "operation": "encrypt", "salt": "00…1f", "key": "a1…", "match_keys": ["b4c9…"]}
    {"id": 2, "ids": ["rFXnk0Uv808pzsHkIQq4vSjNSFXvSepn7Q+Dez17nD8="]}
    {"id": 3, "operation": "reencrypt", "key": "…", "ids": ["AAAA…="]}
    {"id": 3, "refused": "the identity is no id"}

==============  ===============================================================  ===================================
operation       asks with                                                        is answered with
==============  ===============================================================  ===================================
``hello``       ``protocol``                                                     ``name, version, operations``
``encrypt``     ``salt, key, match_keys``                                        ``ids``
``reencrypt``   ``key, ids``                                                     ``ids``
``decrypt``     ``key, ids``                                                     ``ids``
``issue``       ``generations`` (``since, salt, key``), ``at``, ``match_keys``   ``ids``: a list for each match key
``eids``        ``ids, inserter, matcher``                                       ``request``: an object
``lint``        ``request``: the text that is sent                               ``valid``: true or false
==============  ===============================================================  ===================================

Salts and keys are hexadecimal, 32 bytes; keys are scalars, little-endian. What an implementation will not do it answers
with ``refused`` and a reason. Lines are UTF-8, of a MiB at most. The end of the input ends the process.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from typing import Any, Final

from miyun.pair.conformance.implementation import Implementation, Operation, Refused
from miyun.pair.conformance.vectors import SaltAndKey

PROTOCOL: Final = "miyun-pair-1"
HELLO: Final = "hello"
MAX_LINE_BYTES: Final = 1 << 20


def respond(lines: Iterable[str], implementation: Implementation) -> Iterator[str]:
    """The answers of an implementation to the questions on ``lines``."""
    for line in lines:
        yield json.dumps(_answer(line, implementation), ensure_ascii=False)


def _answer(line: str, implementation: Implementation) -> dict[str, Any]:
    question: Any = None
    try:
        question = json.loads(line)
        return {"id": question["id"], **_answer_to(question, implementation)}
    except Refused as refused:
        return {"id": question["id"], "refused": str(refused)}
    except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, RecursionError):
        id_ = question.get("id") if isinstance(question, dict) else None
        return {"id": id_ if isinstance(id_, int | str) else None, "refused": "this is no question of the protocol"}


def _answer_to(question: Mapping[str, Any], implementation: Implementation) -> dict[str, Any]:  # noqa: PLR0911
    if question["operation"] == HELLO:
        about = implementation.about()
        return {"name": about.name, "version": about.version, "operations": sorted(about.operations)}
    match Operation(question["operation"]):
        case Operation.ENCRYPT:
            salt, key = bytes.fromhex(question["salt"]), bytes.fromhex(question["key"])
            return {"ids": implementation.encrypt(salt, key, question["match_keys"])}
        case Operation.REENCRYPT:
            return {"ids": implementation.reencrypt(bytes.fromhex(question["key"]), question["ids"])}
        case Operation.DECRYPT:
            return {"ids": implementation.decrypt(bytes.fromhex(question["key"]), question["ids"])}
        case Operation.ISSUE:
            generations = [
                SaltAndKey(since=date.fromisoformat(one["since"]), salt=one["salt"], key=one["key"])
                for one in question["generations"]
            ]
            at = date.fromisoformat(question["at"])
            return {"ids": implementation.issue(generations, at, question["match_keys"])}
        case Operation.EIDS:
            return {"request": implementation.eids(question["ids"], question["inserter"], question["matcher"])}
        case Operation.LINT:
            return {"valid": implementation.lint(question["request"])}
