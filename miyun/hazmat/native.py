"""The backend that is fast: the kernels of ``miyun-native``. Import it only where ``miyun.kernels`` says that they run.

The scalar is handed over as bytes for the time of one call; the kernels wipe their copies.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import miyun_native

from miyun.errors import InternalError
from miyun.hazmat.ristretto import refused_point
from miyun.hazmat.scalars import SecretScalar


class NativeBackend:
    """See :class:`miyun.hazmat.ristretto.Backend`."""

    name = "native"

    def hash_to_group(self, values: bytes, offsets: bytes, dst: bytes) -> bytes:
        with _as_errors():
            return miyun_native.hash_to_group(values, offsets, dst)

    def map_to_group(self, uniform: bytes) -> bytes:
        with _as_errors():
            return miyun_native.map_to_group(uniform)

    def multiply(self, points: bytes, scalar: SecretScalar) -> bytes:
        with _as_errors():
            return miyun_native.multiply(points, scalar.to_bytes())

    def blind(self, values: bytes, offsets: bytes, dst: bytes, scalar: SecretScalar) -> bytes:
        with _as_errors():
            return miyun_native.blind(values, offsets, dst, scalar.to_bytes())

    def derive_tokens(self, points: bytes, key: bytes) -> bytes:
        with _as_errors():
            return miyun_native.derive_tokens(points, key)


@contextmanager
def _as_errors() -> Iterator[None]:
    try:
        yield
    except miyun_native.PointRefused as refused:
        raise refused_point(refused.position) from None
    except miyun_native.BatchError as error:
        raise InternalError(str(error)) from error
