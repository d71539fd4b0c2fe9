"""ristretto255 (RFC 9496) in plain integers: slow, readable, and no part of Miyun. The vectors are made with it."""

import base64
import hashlib
from dataclasses import dataclass

from tests.hazmat.model import SQRT_M1, D, P, is_negative

ORDER = 2**252 + 27742317777372353535851937790883648493


def magnitude(value: int) -> int:
    return P - value % P if is_negative(value) else value % P


def square_root_of_ratio(u: int, v: int) -> tuple[bool, int]:
    """SQRT_RATIO_M1 of RFC 9496, 4.2."""
    root = u * pow(v, 3, P) * pow(u * pow(v, 7, P), (P - 5) // 8, P) % P
    check = v * root * root % P
    if check in (-u % P, -u * SQRT_M1 % P):
        root = root * SQRT_M1 % P
    return check in (u % P, -u % P), magnitude(root)


SQRT_AD_MINUS_ONE = 25063068953384623474111414158702152701244531502492656460079210482610430750235
INVSQRT_A_MINUS_D = square_root_of_ratio(1, -1 - D)[1]


@dataclass(frozen=True)
class Point:
    """Extended coordinates."""

    x: int
    y: int
    z: int
    t: int

    def __add__(self, other: "Point") -> "Point":
        a = (self.y - self.x) * (other.y - other.x) % P
        b = (self.y + self.x) * (other.y + other.x) % P
        c = 2 * self.t * other.t * D % P
        d = 2 * self.z * other.z % P
        e, f, g, h = b - a, d - c, d + c, b + a
        return Point(e * f % P, g * h % P, f * g % P, e * h % P)

    def __rmul__(self, factor: int) -> "Point":
        result = Point(0, 1, 1, 0)
        for bit in f"{factor % ORDER:b}":
            result = result + result
            if bit == "1":
                result = result + self
        return result

    def encode(self) -> bytes:
        """RFC 9496, 4.3.2."""
        u1, u2 = (self.z + self.y) * (self.z - self.y) % P, self.x * self.y % P
        inverse_root = square_root_of_ratio(1, u1 * u2 * u2 % P)[1]
        den1, den2 = inverse_root * u1 % P, inverse_root * u2 % P
        z_inverse = den1 * den2 * self.t % P
        x, y, den = self.x, self.y, den2
        if is_negative(self.t * z_inverse):
            x, y, den = self.y * SQRT_M1 % P, self.x * SQRT_M1 % P, den1 * INVSQRT_A_MINUS_D % P
        if is_negative(x * z_inverse):
            y = -y
        return magnitude(den * (self.z - y)).to_bytes(32, "little")

    @classmethod
    def decode(cls, encoding: bytes) -> "Point":
        """RFC 9496, 4.3.1, of what is known to be canonical."""
        s = int.from_bytes(encoding, "little")
        u1, u2 = (1 - s * s) % P, (1 + s * s) % P
        v = (-D * u1 * u1 - u2 * u2) % P
        root = square_root_of_ratio(1, v * u2 * u2 % P)[1]
        x = magnitude(2 * s * root * u2)
        y = u1 * root * root * u2 * v % P
        return cls(x, y, 1, x * y % P)


def _half(uniform: bytes) -> Point:
    """MAP of RFC 9496, 4.3.4."""
    t = (int.from_bytes(uniform, "little") & (2**255 - 1)) % P
    r = SQRT_M1 * t * t % P
    u, v = (r + 1) * (1 - D * D) % P, (-1 - r * D) * (r + D) % P
    square, s = square_root_of_ratio(u, v)
    s, c = (s, -1) if square else (-magnitude(s * t), r)
    n = (c * (r - 1) * (D - 1) ** 2 - v) % P
    w0, w1, w2, w3 = 2 * s * v, n * SQRT_AD_MINUS_ONE, 1 - s * s, 1 + s * s
    return Point(w0 * w3 % P, w2 * w1 % P, w1 * w3 % P, w0 * w2 % P)


def one_way_map(uniform: bytes) -> Point:
    return _half(uniform[:32]) + _half(uniform[32:])


def encrypt(salt: bytes, key: int, match_key: str) -> str:
    """optable/match, pkg/pair, mode 0x01."""
    hashed = hashlib.sha256(salt + match_key.encode()).digest()
    return text(key * one_way_map(hashlib.sha512(hashed).digest()))


def reencrypt(key: int, id_: str) -> str:
    return text(key * Point.decode(base64.b64decode(id_)))


def decrypt(key: int, id_: str) -> str:
    return text(pow(key, -1, ORDER) * Point.decode(base64.b64decode(id_)))


def text(point: Point) -> str:
    return base64.b64encode(point.encode()).decode()
