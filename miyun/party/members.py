"""The party's own member table: what would be sent, and why a value would or wouldn't match."""

from miyun.members.check import check_members
from miyun.members.config import MembersConfig, load_members_config
from miyun.members.explain import Explanation, explain
from miyun.members.report import MembersReport
from miyun.party.session import Session


class MembersClient:
    """Nothing here talks to the zone."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def config(self) -> MembersConfig:
        """The ``[members]`` table of ``party.toml``.

        Raises:
            ConfigError: it is missing, or a setting is wrong.
        """
        return load_members_config(self._session.config_path)

    def check(self, contract: str = "") -> MembersReport:
        """Read the whole table and report every column, without sending anything.

        ``contract`` (one that this party signed) narrows it to the identifier types and the consent that it asks for.
        """
        if not contract:
            return check_members(self.config())
        terms = self._session.accepted.get(contract).contract
        return check_members(self.config(), identifiers=terms.identifiers, consent=terms.consent)

    def explain(self, value: str, other: str | None = None) -> Explanation:
        """How each profile normalises ``value``; with ``other``, whether the two would match."""
        return explain(value, other)
