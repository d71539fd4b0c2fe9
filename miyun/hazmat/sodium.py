"""libsodium as the ``rbcl`` wheel carries it, loaded once, on first use, and left nowhere on disk.

``rbcl._sodium`` unpacks a shared library into the temporary folder as it is imported and leaves it there, and fails
where that folder is mounted noexec. Here the module runs under a name of its own, with a private folder as the
temporary one; folder and file are gone once the library is loaded. The wrappers of ``rbcl`` itself are never imported.
"""

import contextlib
import ctypes
import importlib.util
import os
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

from miyun.errors import InternalError

_SIGNATURES = {
    "crypto_scalarmult_ristretto255": 3,
    "crypto_core_ristretto255_from_hash": 2,
    "crypto_core_ristretto255_scalar_invert": 2,
}
_LOADING = threading.Lock()
_loaded: "Sodium | None" = None


class Sodium:
    """The functions used, each taking addresses as integers. Calls release the interpreter's lock."""

    def __init__(self, library: ctypes.CDLL) -> None:
        if library.sodium_init() < 0:
            raise InternalError("the cryptographic library libsodium does not start")
        self.multiply = _function(library, "crypto_scalarmult_ristretto255")
        """``(out, scalar, point)``; not 0 when the encoding is not canonical or the product is the identity."""
        self.map = _function(library, "crypto_core_ristretto255_from_hash")
        """``(out, uniform)``: the one-way map of RFC 9496, 4.3.4."""
        self.invert = _function(library, "crypto_core_ristretto255_scalar_invert")
        """``(out, scalar)``, in constant time."""


def sodium() -> Sodium:
    """The library, loaded on the first call.

    Raises:
        InternalError: ``rbcl`` is not installed, or no folder admits executable files.
    """
    global _loaded  # noqa: PLW0603
    with _LOADING:
        if _loaded is None:
            _loaded = Sodium(_load())
        return _loaded


def _function(library: ctypes.CDLL, name: str) -> "ctypes._NamedFuncPointer":
    function = library[name]
    function.argtypes = [ctypes.c_void_p] * _SIGNATURES[name]
    function.restype = ctypes.c_int
    return function


def _load() -> ctypes.CDLL:
    package = importlib.util.find_spec("rbcl")
    if package is None or not package.submodule_search_locations:
        raise InternalError("the package rbcl is missing", hint="Install Miyun again with its dependencies.")
    source = Path(package.submodule_search_locations[0]) / "_sodium.py"
    refusals = []
    for parent in _parents():
        try:
            with _private_temporary_folder(parent):
                return _run(source)
        except OSError as error:
            refusals.append(f"{parent}: {error.strerror or 'refused'}")
    raise InternalError(
        f"no folder admits the cryptographic library ({'; '.join(refusals)})",
        hint="Set TMPDIR to a folder on a file system that is not mounted noexec.",
    )


def _run(source: Path) -> ctypes.CDLL:
    spec = importlib.util.spec_from_file_location("miyun_rbcl_sodium", source)
    if spec is None or spec.loader is None:
        raise InternalError("the package rbcl can't be read", hint="Install Miyun again with its dependencies.")
    module: ModuleType = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
        library: ctypes.CDLL = module._sodium
        return library
    finally:
        with contextlib.suppress(OSError, AttributeError):
            Path(module.lib_path).unlink()


def _parents() -> Iterator[str]:
    yield tempfile.gettempdir()
    for variable in ("XDG_RUNTIME_DIR", "XDG_CACHE_HOME"):
        if folder := os.environ.get(variable):
            yield folder
    yield str(Path.home())


@contextlib.contextmanager
def _private_temporary_folder(parent: str) -> Iterator[None]:
    folder = Path(tempfile.mkdtemp(prefix="miyun-", dir=parent))
    before = tempfile.tempdir
    tempfile.tempdir = str(folder)
    try:
        yield
    finally:
        tempfile.tempdir = before
        # Not empty only if another thread made a temporary file just now: then it stays for that thread.
        with contextlib.suppress(OSError):
            folder.rmdir()
