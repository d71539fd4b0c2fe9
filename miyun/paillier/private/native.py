"""The backend that is fast. Import it only where ``miyun.kernels`` says that the kernels run."""

import miyun_native

from miyun.paillier.native import as_errors


class NativePrivate:
    """See :class:`miyun.paillier.private.backend.PrivateKernel`. The kernels wipe their copies of p and q."""

    name = "native"

    def __init__(self, p: bytes, q: bytes) -> None:
        with as_errors():
            self._key = miyun_native.PaillierPrivateKey(p, q)

    def make_randomness(self, count: int) -> bytes:
        with as_errors():
            return self._key.make_randomness(count)

    def decrypt(self, ciphertexts: bytes) -> bytes:
        with as_errors(of_a_peer=True):
            return self._key.decrypt(ciphertexts)
