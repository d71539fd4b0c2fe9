"""A party's own Paillier keys, one a contract: the private ones in the vault, the announced ones in the database."""

from dataclasses import dataclass

from sqlalchemy import Engine, insert, select, update

from miyun.aggregates.reading import make_reader_key
from miyun.aggregates.statements import ReaderKey
from miyun.contract.model import Contract
from miyun.errors import ConfigError
from miyun.keys.home import Home
from miyun.paillier.fixed_base import FixedBase
from miyun.paillier.pool import Pool, pool_name, remove_pool
from miyun.paillier.private import PrivateKey
from miyun.paillier.public import Kind, Randomness
from miyun.party.schema import reader_keys
from miyun.storage.database import reading

POOL_FOLDER = "pools"

_LOCK = "reader-key"
_LOCK_SECONDS = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class AnnouncedKey:
    """``acknowledged``: the zone has given a receipt for it."""

    statement: ReaderKey
    signature: bytes
    acknowledged: bool


class ReaderKeys:
    def __init__(self, engine: Engine, home: Home) -> None:
        self._engine = engine
        self._home = home

    def private(self, contract: Contract) -> PrivateKey:
        """The key under a contract.

        Raises:
            KeyAccessError: none was made here.
        """
        return PrivateKey.from_bytes(self._home.vault.get(_name(contract)))

    def announced(self, contract: Contract) -> AnnouncedKey:
        """What to tell the zone about it. A key is made where there is none: it takes about a second."""
        held = self._get(contract.id)
        if held is None:
            with self._home.lock(_LOCK, timeout=_LOCK_SECONDS):
                held = self._get(contract.id) or self._announce(contract)
        return held

    def acknowledge(self, contract: str) -> None:
        """The zone has this key."""
        with self._engine.begin() as connection:
            connection.execute(update(reader_keys).where(reader_keys.c.contract == contract).values(acknowledged=True))

    def randomness(self, contract: Contract) -> Randomness:
        """For what this party encrypts under its own key, for a zone that lacks it.

        It comes from the pool, where this file system can have one that is safe.
        """
        source = self._source(contract)
        try:
            return self._pool(source)
        except ConfigError:
            return source

    def pool(self, contract: Contract) -> Pool:
        """Where that is kept ready.

        Raises:
            ConfigError: this file system can have none that is safe.
        """
        return self._pool(self._source(contract))

    def _source(self, contract: Contract) -> Randomness:
        key = self.private(contract)
        return FixedBase(key.public_key) if key.admits_short_exponents else key

    def _pool(self, source: Randomness) -> Pool:
        return Pool(self._home.path / POOL_FOLDER, source)

    def forget(self, contract: Contract) -> None:
        """The contract is over: nothing is decrypted under it any more."""
        if _name(contract) in self._home.vault.names():
            key = self.private(contract).public_key
            for kind in Kind:
                remove_pool(self._home.path / POOL_FOLDER / pool_name(key, kind))
            self._home.vault.delete(_name(contract))

    def _announce(self, contract: Contract) -> AnnouncedKey:
        if _name(contract) not in self._home.vault.names():
            self._home.vault.put(_name(contract), PrivateKey.generate().to_bytes())
        key = self.private(contract)
        statement = make_reader_key(contract, self._home.info.name, key)
        made = AnnouncedKey(statement=statement, signature=self._home.signing_key.sign(statement), acknowledged=False)
        with self._engine.begin() as connection:
            connection.execute(
                insert(reader_keys).values(
                    contract=contract.id,
                    statement=statement.canonical_bytes(),
                    signature=made.signature,
                    acknowledged=False,
                )
            )
        return made

    def _get(self, contract: str) -> AnnouncedKey | None:
        with reading(self._engine) as connection:
            row = connection.execute(select(reader_keys).where(reader_keys.c.contract == contract)).first()
        if row is None:
            return None
        return AnnouncedKey(
            statement=ReaderKey.from_canonical(row.statement), signature=row.signature, acknowledged=row.acknowledged
        )


def _name(contract: Contract) -> str:
    return f"paillier/{contract.id}"
