"""Privacy-preserving audience matching between a merchant and a platform.

The public API: everything in ``__all__``, imported when it is first used, and ``miyun.errors``. Segment expressions
are text, or built with ``miyun.segments``.

>>> import miyun
>>> with miyun.Party.open(Path("merchant"), miyun.KeyFile(Path("merchant.key"))) as party:  # doctest: +SKIP
...     party.fuse("spring")
...     party.segments.create("spring", "sleepers", "members.spend_90d > 1000 and not members.active")
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from miyun import errors
from miyun import transport as _transport  # noqa: F401 - turns TLS 1.2 off before anything loads gRPC
from miyun.errors import MiyunError

if TYPE_CHECKING:
    from miyun.analyst.client import Analyst
    from miyun.contract.document import parse_contract, to_yaml
    from miyun.contract.draft import draft_contract
    from miyun.contract.leakage import leakage, render
    from miyun.contract.model import Contract
    from miyun.keys.create import create_home
    from miyun.keys.fingerprint import key_fingerprint
    from miyun.keys.home import HomeInfo, Role
    from miyun.keys.unlock import KeyFile, Passphrase
    from miyun.party.facade import Party
    from miyun.segments.expression import Expression
    from miyun.segments.parser import parse
    from miyun.zone.facade import Zone

__all__ = [
    "Analyst",
    "Contract",
    "Expression",
    "HomeInfo",
    "KeyFile",
    "MiyunError",
    "Party",
    "Passphrase",
    "Role",
    "Zone",
    "create_home",
    "draft_contract",
    "errors",
    "key_fingerprint",
    "leakage",
    "parse",
    "parse_contract",
    "render",
    "to_yaml",
]

_HOMES = {
    "Analyst": "miyun.analyst.client",
    "Contract": "miyun.contract.model",
    "Expression": "miyun.segments.expression",
    "HomeInfo": "miyun.keys.home",
    "KeyFile": "miyun.keys.unlock",
    "Party": "miyun.party.facade",
    "Passphrase": "miyun.keys.unlock",
    "Role": "miyun.keys.home",
    "Zone": "miyun.zone.facade",
    "create_home": "miyun.keys.create",
    "draft_contract": "miyun.contract.draft",
    "key_fingerprint": "miyun.keys.fingerprint",
    "leakage": "miyun.contract.leakage",
    "parse": "miyun.segments.parser",
    "parse_contract": "miyun.contract.document",
    "render": "miyun.contract.leakage",
    "to_yaml": "miyun.contract.document",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'miyun' has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
