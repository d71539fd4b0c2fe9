"""The secret scalar of a fusion, for whoever has to make it, keep it in a vault and load it again."""

from miyun.hazmat.scalars import SecretScalar

__all__ = ["SecretScalar"]
