"""Blinding scalars in the vault: one per contract, counterparty, type and epoch, and one per intersection; erased when
the fusion or the intersection has ended.
"""

from typing import Self

from miyun.contract.model import Contract
from miyun.keys.vault import Vault
from miyun.psi.scalars import SecretScalar


class BlindingScalars:
    """The scalars of one epoch with one counterparty, or of one intersection."""

    def __init__(self, vault: Vault, prefix: str) -> None:
        self._vault = vault
        self._prefix = prefix

    @classmethod
    def of(cls, vault: Vault, contract: Contract, me: str, epoch: int) -> Self:
        """Those that the party called ``me`` has under a contract."""
        return cls(vault, f"blinding/{contract.id}/{contract.counterparty(me).name}/{epoch}/")

    @classmethod
    def of_intersection(cls, vault: Vault, contract: str, job: str) -> Self:
        """The one that a job has."""
        return cls(vault, f"intersection/{contract}/{job}/")

    def draw(self, types: tuple[str, ...]) -> None:
        """Fresh random scalars; they replace those of an earlier attempt at this epoch."""
        for type_ in types:
            self._vault.put(self._prefix + type_, SecretScalar.random().to_bytes())

    def get(self, type_: str) -> SecretScalar:
        """The scalar of a type.

        Raises:
            KeyAccessError: it was erased, or never drawn.
        """
        return SecretScalar.from_bytes(self._vault.get(self._prefix + type_))

    def erase(self) -> None:
        for name in self._vault.names():
            if name.startswith(self._prefix):
                self._vault.delete(name)
