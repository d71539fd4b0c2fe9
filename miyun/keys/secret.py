"""What every private key has in common: it shows nothing of itself and stays in its process."""

from typing import NoReturn


class Secret:
    """Base of private keys: the representation is redacted; copying and pickling raise TypeError."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: redacted>"

    def __copy__(self) -> NoReturn:
        raise TypeError(f"a {type(self).__name__} can't be copied")

    def __deepcopy__(self, memo: object) -> NoReturn:
        raise TypeError(f"a {type(self).__name__} can't be copied")

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError(f"a {type(self).__name__} can't be pickled")
