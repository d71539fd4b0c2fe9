"""PAIR: the party's own keys, and what is made with them. Nothing here talks to the zone."""

from datetime import date
from pathlib import Path

from miyun.members.reading import Progress
from miyun.pair.keyset import KeySet, Side
from miyun.pair.salts import ReceivedSalt, SealedSalt, open_salt, seal_salt
from miyun.pair.store import PairKeys, Use
from miyun.party.pair_files import IdsReport, write_ids
from miyun.party.session import Session


class PairClient:
    """Days are those of UTC. ``keys`` gives the generations themselves, with their secrets."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self.keys = PairKeys(session.home)

    def today(self) -> date:
        """On which all that has no date of its own is done."""
        return self._session.now().date()

    def create(self, name: str) -> KeySet:
        """New keys of a publisher, in force at once."""
        return self.keys.create_publisher(name, self.today())

    def create_with(self, name: str, contract: str, salt: SealedSalt) -> KeySet:
        """New keys of an advertiser, with the salt that the other party of a contract shared.

        Raises:
            SignatureError, MalformedError: the salt is not from it, or not for this party.
            StateError: there are keys of this name, or the salt is too old.
        """
        return self.keys.create_advertiser(name, self._opened(contract, salt), self.today())

    def rotate(self, name: str) -> KeySet:
        """A publisher's next generation, a week before it is due or later; call it daily."""
        return self.keys.rotate_publisher(name, self.today())

    def rotate_with(self, name: str, contract: str, salt: SealedSalt) -> KeySet:
        """An advertiser's next generation, with the publisher's next salt.

        Raises:
            SignatureError, MalformedError: the salt is not from it, or not for this party.
            StateError: it is not a later one.
        """
        return self.keys.rotate_advertiser(name, self._opened(contract, salt), self.today())

    def withdraw(self, name: str) -> KeySet:
        """Begin anew without an overlap, because what is in force has leaked."""
        return self.keys.withdraw(name, self.today())

    def share(self, name: str, contract: str, generation: int = 0) -> SealedSalt:
        """The salt of a publisher's generation (0: the newest), signed, for the other party of a contract in force.

        Raises:
            ContractError: the contract is not in force, or this party has not signed it.
        """
        session = self._session
        document = session.accepted.active(contract, session.now())
        found, salt = self.keys.salt(name, generation)
        return seal_salt(
            self.keys.get(name),
            found,
            salt,
            contract=document,
            me=session.name,
            signing_key=session.home.signing_key,
        )

    def write_ids(
        self,
        name: str,
        source: Path,
        out: Path,
        *,
        column: str,
        label: str = "",
        profile: str = "pair",
        on_progress: Progress = lambda _done, _total: None,
    ) -> IdsReport:
        """The ids of a file's addresses, as :func:`miyun.party.pair_files.write_ids`.

        A publisher's are those to give out: in an overlap two for each address. An advertiser's are for a new match.

        Raises:
            StateError: no generation is in force: rotate.
        """
        at = self.today()
        publisher = self.keys.get(name).side is Side.PUBLISHER
        generations = (
            self.keys.publisher(name, Use.EMIT, at) if publisher else self.keys.advertiser(name, Use.MATCH, at)
        )
        return write_ids(generations, source, out, column=column, label=label, profile=profile, on_progress=on_progress)

    def _opened(self, contract: str, salt: SealedSalt) -> ReceivedSalt:
        session = self._session
        document = session.accepted.active(contract, session.now())
        return open_salt(salt, contract=document, me=session.name, key=session.sealing_key)
