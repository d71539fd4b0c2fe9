"""The key under which ids are stored. Without it a set can't be tested for an id, nor changed unnoticed."""

import hashlib
import secrets
from typing import Any, Final

from miyun.answers.ids import AnswerId
from miyun.errors import KeyAccessError
from miyun.keys.home import Home
from miyun.keys.secret import Secret

KEY_BYTES: Final = 32
DIGEST_BYTES: Final = 16
MAC_BYTES: Final = 32

_RECORD = "answers/key"
_LOCK = "answers-key"
_IDS, _FILES = b"miyun-ans-ids", b"miyun-ans-files"


class AnswerKey(Secret):
    """Keyed BLAKE2b (RFC 7693), 16 bytes for an id and 32 for a file, separated by its personal string.

    As a pseudorandom function it hides ids from who has the files without the home. An id that is in no set of n ids is
    taken for one of them with probability n/2¹²⁸.
    """

    __slots__ = ("_files", "_ids")

    def __init__(self, key: bytes) -> None:
        if len(key) != KEY_BYTES:
            raise KeyAccessError("the key of answers is damaged", hint="Restore the home from its newest backup.")
        self._ids = hashlib.blake2b(key=key, digest_size=DIGEST_BYTES, person=_IDS)
        self._files = hashlib.blake2b(key=key, digest_size=MAC_BYTES, person=_FILES)

    @classmethod
    def of_home(cls, home: Home) -> "AnswerKey":
        """The key of a home; it is drawn when it is first wanted."""
        with home.lock(_LOCK, timeout=30):
            if _RECORD not in home.vault.names():
                home.vault.put(_RECORD, secrets.token_bytes(KEY_BYTES))
        return cls(home.vault.get(_RECORD))

    def digest(self, id_: AnswerId) -> bytes:
        """What stands for an id in every set of the home, 16 bytes."""
        hash_ = self._ids.copy()
        hash_.update(f"{id_.family}\0{id_.value}".encode())
        return hash_.digest()

    def mac(self) -> Any:
        """A new hash object for the 32 bytes that say that a file is this home's and whole."""
        return self._files.copy()
