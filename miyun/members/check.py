"""The member table read exactly as a fusion would read it, and nothing sent."""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from miyun.contract.model import Consent, IdentifierTerms
from miyun.members.collecting import collect
from miyun.members.config import MembersConfig
from miyun.members.reading import Progress, consent_columns, contract_profiles
from miyun.members.report import MembersReport
from miyun.members.workspace import connect, explained, private_folder


def check_members(
    config: MembersConfig,
    *,
    identifiers: Sequence[IdentifierTerms] | None = None,
    consent: Consent | None = None,
    bucket: int = 1,
    on_progress: Progress | None = None,
) -> MembersReport:
    """What a fusion would send, and what not and why; the quarantine file has the particulars.

    Without a contract's terms every configured identifier type counts, and every consent column has to say yes.

    Raises:
        ConfigError: the configuration doesn't meet the contract's terms.
        SourceError: the source can't be read.
    """
    profiles = {type_: own.profile for type_, own in config.identifiers.items()}
    if identifiers is not None:
        profiles = dict(contract_profiles(config, identifiers))
    columns = config.consent if consent is None else consent_columns(config, consent)
    with TemporaryDirectory(prefix="check-", dir=private_folder(config.folder / "tmp")) as name:
        folder = Path(name)
        with (
            explained(),
            connect(folder / "staging.duckdb", memory_mib=config.memory_mib, spill=folder / "spill") as connection,
        ):
            return collect(
                connection, config, profiles=profiles, consent=columns, least=0, bucket=bucket, on_progress=on_progress
            ).report
