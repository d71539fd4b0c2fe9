"""Batch kernels of Miyun. Batches are concatenations; results keep their order; the interpreter's lock is released."""

from collections.abc import Iterator, Sequence
from os import PathLike
from typing import Final, Literal

__version__: Final[str]

KERNEL: Final[Literal["avx512ifma", "dalek"]]
"""What computes the group. ``MIYUN_NATIVE_KERNEL=dalek``, set before the import, keeps to the portable one."""

class BatchError(ValueError):
    """Lengths, offsets, a scalar, a key or a tag that the caller should not have passed."""

class PointRefused(ValueError):
    """A point is the identity or not canonically encoded."""

    position: int
    """The first such."""

class TokenRepeated(ValueError):
    """A column has a token twice."""

class TokensCrowded(ValueError):
    """Different tokens of a column fill a part beyond its capacity: they are not spread as tokens are."""

def set_threads(count: int) -> None:
    """Use so many threads; 0, as at the start, for one per available processor. See ``MIYUN_NATIVE_THREADS``."""

def hash_to_group(values: bytes, offsets: bytes, dst: bytes) -> bytes:
    """hash_to_ristretto255 of RFC 9380. Raises BatchError."""

def map_to_group(uniform: bytes) -> bytes:
    """The one-way map of RFC 9496, 4.3.4: n × 64 bytes to n × 32. Raises BatchError."""

def multiply(points: bytes, scalar: bytes) -> bytes:
    """Every point times the scalar, 32 bytes, little-endian, from 1 to ℓ − 1. Raises PointRefused, BatchError."""

def blind(values: bytes, offsets: bytes, dst: bytes, scalar: bytes) -> bytes:
    """``multiply(hash_to_group(values, offsets, dst), scalar)``, faster. Raises BatchError."""

def derive_tokens(points: bytes, key: bytes) -> bytes:
    """Keyed BLAKE2b of every point, 16 bytes each. Raises BatchError."""

def join_tokens(
    left_tokens: bytes, left_handles: bytes, right_tokens: bytes, right_handles: bytes
) -> tuple[bytes, bytes]:
    """The handles of equal 16-byte tokens, left and right, by ascending left handle; 32 bits each, little-endian.

    Raises TokenRepeated, BatchError.
    """

class TokenParts:
    """Columns beyond memory, in unlinked files of ``folder``, dealt over parts by a keyed hash of the token.

    ``pairs`` holds at most ``capacity`` rows of a side in memory, at less than 180 bytes for each row and its like on
    the other side. Have parts of half of it on average. Raises OSError where the folder can't be written.
    """

    def __new__(cls, folder: str | PathLike[str], parts: int, capacity: int) -> TokenParts: ...
    def add_left(self, tokens: bytes, handles: bytes) -> None:
        """Append rows; give it a hundred thousand at a time. Raises BatchError, OSError."""

    def add_right(self, tokens: bytes, handles: bytes) -> None: ...
    def pairs(self, part: int) -> tuple[bytes, bytes]:
        """``join_tokens`` of a part, counted from 0. Raises TokenRepeated, TokensCrowded, OSError."""

def permutation(count: int) -> bytes:
    """A secret uniform permutation of 0 … count − 1, 32 bits each, little-endian."""

class Shuffle(Iterator[bytes]):
    """A secret uniform permutation of records beyond memory, in an unlinked file of ``folder``.

    Add up to ``records`` records of ``record_bytes``; then iterate over blocks of them in the new order, of about 1 MiB
    each, of D / 2¹⁶ where all are D > 64 GiB. Raises BatchError, OSError.
    """

    def __new__(cls, folder: str | PathLike[str], record_bytes: int, records: int) -> Shuffle: ...
    def add(self, records: bytes) -> None:
        """Take records; give it a megabyte at a time. None once a block has gone out."""

    def __next__(self) -> bytes: ...

class Http2:
    """The server's end of an HTTP/2 connection without a socket. See ``miyun.answers.http2``."""

    def __new__(cls, streams: int, head_bytes: int, body_bytes: int, field_bytes: int, broken: int) -> Http2:
        """``streams``: requests that are not answered. ``head_bytes``: of a request's fields. A longer field than
        ``field_bytes`` counts as not given. ``broken``: requests that are taken back before they are whole, in a row.
        """

    @property
    def over(self) -> bool: ...
    @property
    def coming(self) -> int: ...
    @property
    def oldest(self) -> int: ...
    def receive(self, data: bytes) -> list[tuple[int, bytes, bytes, bytes, bytes, bytes | None]]:
        """Stream, method, path, content-type, authorization and body of the requests that are whole now."""

    def respond(
        self,
        stream: int,
        status: int,
        head: Sequence[tuple[bytes, bytes]],
        body: bytes | None,
        trailers: Sequence[tuple[bytes, bytes]] | None,
    ) -> None:
        """Raises ValueError for fields that are none."""

    def end(self, body: bytes, trailers: Sequence[tuple[bytes, bytes]]) -> None: ...
    def take(self) -> bytes: ...
    def finish(self) -> None: ...
    def break_off(self) -> None: ...

class PaillierError(ValueError):
    """No key, no batch, or offsets, slots, bits, a base that don't fit."""

class PaillierRefused(PaillierError):
    """A plaintext is not below n, a ciphertext no unit below n² (or not in 1 … n² − 1), an index of none, an exponent
    too long."""

    position: int
    """The first such."""

class PaillierPublicKey:
    """n has 2048 to 4096 bits, an even number b. Numbers are little-endian: n of any width, plaintexts of ⌈b / 8⌉
    bytes, or ``size`` where given, ciphertexts and n-th powers of twice that. Batches are concatenations. Methods
    look at the range of ciphertexts; that they are prime to n is asked by ``check`` alone. Only ``encrypt``,
    ``make_randomness`` and ``rerandomise`` draw randomness: other results are functions of their arguments, to be
    rerandomised before they go to who has the key. ``MIYUN_NATIVE_KERNEL=dalek`` keeps to the portable kernel here
    too."""

    def __new__(cls, n: bytes) -> PaillierPublicKey: ...
    @property
    def bits(self) -> int: ...
    @property
    def value_bytes(self) -> int: ...
    @property
    def ciphertext_bytes(self) -> int: ...
    def encrypt(self, values: bytes, size: int | None = None) -> bytes:
        """With a uniform rⁿ each."""

    def make_randomness(self, count: int) -> bytes:
        """Uniform rⁿ mod n², secret, each for one ciphertext."""

    def encrypt_with(self, values: bytes, randomness: bytes, size: int | None = None) -> bytes:
        """With n-th powers from ``make_randomness`` of this or another class, as many as values."""

    def raise_to_n(self, values: bytes) -> bytes:
        """xⁿ mod n² of public x."""

    def make_base(self) -> bytes:
        """−(r²)ⁿ mod n² of a uniform r, for ``fixed_base``: whoever encrypts draws it."""

    def fixed_base(self, base: bytes, exponent_bits: int) -> PaillierFixedBase:
        """Tables (47 MB at 3072 bits) for short exponents, of at least half of n's bits. That these are safe (the
        receiver lacks the key, the primes are as in DJN) is for the caller to know."""

    def add(self, left: bytes, right: bytes) -> bytes: ...
    def rerandomise(self, ciphertexts: bytes) -> bytes:
        """Times a uniform rⁿ each."""

    def negate(self, ciphertexts: bytes) -> bytes:
        """The inverses. Refuses what has none."""

    def product(self, ciphertexts: bytes, offsets: bytes, indices: bytes) -> bytes:
        """For each segment the product of the ciphertexts that it lists; 1 for none. Segment i is
        ``indices[offsets[i]:offsets[i + 1]]``; offsets have 64 bits, indices 32, little-endian."""

    def power(self, ciphertexts: bytes, exponents: bytes, *, bits: int = 64, signed: bool = False) -> bytes:
        """Exponents of 64 bits, little-endian, secret; sizes are below 2^bits, which is public and sets the time."""

    def pack(self, ciphertexts: bytes, slots: int, bits: int) -> bytes:
        """Of every ``slots`` ciphertexts one, with the first's plaintext in the lowest ``bits`` bits."""

    def check(self, ciphertexts: bytes) -> None:
        """Raises PaillierRefused for the first that is no unit below n²."""

class PaillierFixedBase:
    def make_randomness(self, count: int) -> bytes: ...
    def encrypt(self, values: bytes, size: int | None = None) -> bytes: ...

class PaillierPrivateKey:
    """p and q, little-endian, different primes of one length. Wiped when freed; refuses pickle."""

    def __new__(cls, p: bytes, q: bytes) -> PaillierPrivateKey: ...
    @property
    def public_key(self) -> PaillierPublicKey: ...
    def encrypt(self, values: bytes, size: int | None = None) -> bytes: ...
    def make_randomness(self, count: int) -> bytes:
        """Uniform rⁿ mod n², by way of p² and q²."""

    def decrypt(self, ciphertexts: bytes) -> bytes:
        """Raises PaillierRefused for the first that is no unit below n²."""
