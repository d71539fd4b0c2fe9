"""Keys for tests."""

from miyun.paillier.private import PrivateKey
from miyun.paillier.proof import ProvenKey

CONTEXT = b"a test"

# Made once with miyun.paillier.private.primes.draw_primes(2048).
P = int(
    "b5d985089a7d076a584b25cadf746c952749ca8ba4af02a0bcf3471fdc2a305d176aeb5d8a2b88ab14a042faaa83579378fd"
    "6ed796cc9091fc59d7243f4a8d1789abb66c71fefe11a2efd007ae1a5b326ee23de11c999cb5a00d20d4a7093f9c5fe28774"
    "e6bc8e584a10a5881cb46400f7d55c65b3f31e7d01864b26eb959bcb",
    16,
)
Q = int(
    "c657fa844bd4bb1a60d07776b6e98d2409d5874a84e56f92318d3d55606a08851cca0df1bcd2ec290d70f3e12c476efd7162"
    "52287ac49f0eb6d4cc310f8ce1d4ff64c95b9b61642584bf67332cff7a22ebbedaddc328a2e1421ba02b20fa55c738257dbd"
    "647b2bef6d2dd75733225da2e6452618268f74bda5641ada81163abb",
    16,
)


def private_key() -> PrivateKey:
    return PrivateKey(P, Q)


def proven(key: PrivateKey) -> ProvenKey:
    return ProvenKey(key.public_key.to_bytes(), key.prove(CONTEXT), CONTEXT)
