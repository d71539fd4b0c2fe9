"""Whether the native kernels (the distribution ``miyun-native``) run, or the portable code, which gives the same.

They run where they are installed in exactly the version that this Miyun was written against; ``MIYUN_BACKEND`` says
otherwise. Only what asked :func:`kernels` may import ``miyun_native``.
"""

import os
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Final

from miyun.errors import ConfigError

NATIVE_VERSION: Final = "0.2.1"
"""The version of ``miyun-native`` that is used. It changes with what a kernel takes or gives."""

BACKEND_VARIABLE: Final = "MIYUN_BACKEND"


class Wish(StrEnum):
    """What ``MIYUN_BACKEND`` may be; not set, it is ``auto``."""

    AUTO = "auto"
    NATIVE = "native"
    PORTABLE = "portable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kernels:
    """What runs in this process, and in words for people: ``native (avx512ifma)``, ``portable (…why)``."""

    native: bool
    words: str


@cache
def kernels() -> Kernels:
    """What runs, decided on the first call.

    Raises:
        ConfigError: ``MIYUN_BACKEND`` is none of its values, or asks for kernels that can't be had.
    """
    wish = _wish()
    if wish is Wish.PORTABLE:
        return Kernels(native=False, words=f"portable ({BACKEND_VARIABLE} says so)")
    try:
        import miyun_native
    except ModuleNotFoundError:
        return _without("miyun-native is not installed", wish)
    except (ImportError, ValueError) as error:
        return _without(f"miyun-native can't be loaded: {error}", wish)
    if miyun_native.__version__ != NATIVE_VERSION:
        return _without(f"miyun-native is {miyun_native.__version__}, this Miyun needs {NATIVE_VERSION}", wish)
    return Kernels(native=True, words=f"native ({miyun_native.KERNEL})")


def _wish() -> Wish:
    value = os.environ.get(BACKEND_VARIABLE) or Wish.AUTO
    try:
        return Wish(value)
    except ValueError:
        values = ", ".join(Wish)
        raise ConfigError(
            f"{BACKEND_VARIABLE} is {value!r}", hint=f"Set it to one of {values}, or leave it unset."
        ) from None


def _without(reason: str, wish: Wish) -> Kernels:
    if wish is Wish.NATIVE:
        raise ConfigError(
            f"the native kernels are asked for, but {reason}",
            hint=f"Install miyun-native {NATIVE_VERSION} (`make install` builds it where cargo is), "
            f"or leave {BACKEND_VARIABLE} unset.",
        )
    return Kernels(native=False, words=f"portable ({reason})")
