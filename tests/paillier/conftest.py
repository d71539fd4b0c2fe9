import pytest

from miyun.paillier.private import PrivateKey

from .keys import private_key


@pytest.fixture(scope="module")
def key() -> PrivateKey:
    """A key on the backend that the environment asks for."""
    return private_key()


@pytest.fixture(scope="module")
def each_key(each_backend: None) -> PrivateKey:
    """A key on each backend in turn."""
    return private_key()
