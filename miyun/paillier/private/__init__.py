"""Keys that decrypt. The zone never imports this: whoever selects never decrypts."""

from miyun.paillier.private.key import PrivateKey

__all__ = ["PrivateKey"]
