"""A member table read row by row into normalised columns, counting and quarantining what is not used."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from miyun.contract.model import Consent, IdentifierTerms
from miyun.errors import ConfigError
from miyun.members.attributes import Attribute, read_attributes
from miyun.members.cells import is_broken
from miyun.members.config import AttributeColumn, ConsentColumn, MembersConfig
from miyun.members.locations import read_positions
from miyun.members.profiles import check_profile, normalise_column
from miyun.members.quarantine import Quarantine
from miyun.members.reasons import Reason, Rejected
from miyun.members.report import ColumnReport
from miyun.members.sources import SourceBatch, open_source
from miyun.members.tally import PART, Tally
from miyun.members.texts import fold, strip

Progress = Callable[[int, int | None], None]
"""Told the rows read and, where it is known, the total."""

Profiles = Mapping[str, str]
"""The profile of each identifier type, in priority order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberBatch:
    """Rows that have a member id, as parallel columns; None is an identifier that is not used."""

    rows: list[int]
    members: list[str]
    consented: list[bool]
    identifiers: dict[str, list[str | None]]
    attributes: dict[str, list[Attribute | Rejected]]


def contract_profiles(config: MembersConfig, identifiers: Sequence[IdentifierTerms]) -> Profiles:
    """The profiles that a contract names, when the configuration has them all.

    Raises:
        ConfigError: an identifier type is missing or has another profile.
    """
    for terms in identifiers:
        check_profile(terms.profile)
        own = config.identifiers.get(terms.type)
        if own is None:
            raise ConfigError(
                f"the contract matches by {terms.type}, which [members.identifiers] lacks",
                hint=f"Add [members.identifiers.{terms.type}] with its column.",
            )
        if own.profile != terms.profile:
            raise ConfigError(
                f"the contract spells {terms.type} by profile {terms.profile!r}, the configuration by {own.profile!r}",
                hint="Use the contract's profile.",
            )
    return {terms.type: terms.profile for terms in identifiers}


def consent_columns(config: MembersConfig, consent: Consent) -> tuple[ConsentColumn, ...]:
    """The columns that must all say yes before a row is sent.

    Raises:
        ConfigError: the contract requires consent to a purpose that no column records.
    """
    if not consent.required:
        return ()
    unrecorded = [
        purpose
        for purpose in consent.purposes
        if not any(not column.purposes or purpose in column.purposes for column in config.consent)
    ]
    if unrecorded or not config.consent:
        purposes = ", ".join(unrecorded or consent.purposes)
        raise ConfigError(
            f"the contract requires consent ({purposes}), and no column records it",
            hint="Name the column and its accepted values in [members.consent].",
        )
    if not consent.purposes:
        return config.consent
    wanted = frozenset(consent.purposes)
    return tuple(column for column in config.consent if not column.purposes or wanted & set(column.purposes))


class MemberReader:
    """One pass over the source. The tallies are complete when ``batches`` is exhausted."""

    def __init__(
        self,
        config: MembersConfig,
        *,
        profiles: Profiles,
        consent: Sequence[ConsentColumn] = (),
        attributes: Sequence[str] = (),
        carried: Sequence[str] = (),
        quarantine: Quarantine | None = None,
        on_progress: Progress | None = None,
    ) -> None:
        """``carried`` are further columns of the source, for `sourced`."""
        self._config = config
        self._carried = carried
        self._profiles = profiles
        self._attributes = attributes
        self._consent = [(column.column, frozenset(map(fold, column.accepted))) for column in consent]
        self._quarantine = quarantine
        self._on_progress = on_progress
        self.rows = 0
        self.bad_rows: Counter[Reason] = Counter()
        self._id = self._tally(config.id, config.id, "id")
        self._of_identifier = {
            type_: self._tally(type_, PART.join(config.identifiers[type_].columns), "identifier") for type_ in profiles
        }
        self._of_attribute = {
            name: self._tally(name, PART.join(config.attribute_columns(name)), "attribute") for name in attributes
        }

    def _tally(self, name: str, column: str, role: str) -> Tally:
        return Tally(name=name, column=column, role=role, keep_empty=role != "attribute", quarantine=self._quarantine)

    @property
    def columns(self) -> tuple[ColumnReport, ...]:
        tallies = (self._id, *self._of_identifier.values(), *self._of_attribute.values())
        return tuple(tally.report() for tally in tallies)

    def batches(self) -> Iterator[MemberBatch]:
        """Raises: SourceError."""
        return (members for _, members in self.sourced())

    def sourced(self) -> Iterator[tuple[SourceBatch, MemberBatch]]:
        """The same beside the cells that each row was read from, as they are in the source; its id trimmed.

        Raises:
            SourceError: the source can't be read.
        """
        source = open_source(self._config, self._wanted())
        for batch in source.batches:
            self.rows += len(batch.rows) + len(batch.bad)
            for bad in batch.bad:
                self.bad_rows[bad.reason] += 1
                if self._quarantine:
                    self._quarantine.add(bad.row, "", bad.reason, bad.raw)
            known = self._with_id(batch)
            yield known, self._member_batch(known)
            if self._on_progress:
                self._on_progress(self.rows, source.total)

    def _wanted(self) -> list[str]:
        config = self._config
        columns = [config.id, *(column for column, _ in self._consent)]
        columns += [column for type_ in self._profiles for column in config.identifiers[type_].columns]
        columns += [column for name in self._attributes for column in config.attribute_columns(name)]
        columns += self._carried
        return list(dict.fromkeys(columns))

    def _with_id(self, batch: SourceBatch) -> SourceBatch:
        """Without the rows that have no usable member id; ids trimmed."""
        column = self._config.id
        ids = member_ids(batch.columns[column])
        used = self._id.take(ids, batch.rows, batch.columns[column])
        if None in used:
            keep = [place for place, member in enumerate(used) if member is not None]
            columns = {name: [cells[place] for place in keep] for name, cells in batch.columns.items()}
            columns[column] = [used[place] for place in keep]
            return SourceBatch(rows=[batch.rows[place] for place in keep], columns=columns, bad=[])
        return SourceBatch(rows=batch.rows, columns={**batch.columns, column: used}, bad=[])

    def _member_batch(self, batch: SourceBatch) -> MemberBatch:
        config = self._config
        identifiers = {}
        for type_, profile in self._profiles.items():
            cells = [batch.columns[column] for column in config.identifiers[type_].columns]
            values = normalise_column(profile, cells)
            identifiers[type_] = self._of_identifier[type_].take(values, batch.rows, *cells)
        attributes = {}
        for name in self._attributes:
            cells = [batch.columns[column] for column in config.attribute_columns(name)]
            attributes[name] = _attribute(config.attributes[name], cells)
            self._of_attribute[name].take(attributes[name], batch.rows, *cells)
        return MemberBatch(
            rows=batch.rows,
            members=cast("list[str]", batch.columns[config.id]),
            consented=self._consented(batch),
            identifiers=identifiers,
            attributes=attributes,
        )

    def _consented(self, batch: SourceBatch) -> list[bool]:
        consented = [True] * len(batch.rows)
        for column, accepted in self._consent:
            cells = batch.columns[column]
            yes = {cell for cell in set(cells) if cell is not None and fold(cell) in accepted}
            consented = [so_far and cell in yes for so_far, cell in zip(consented, cells, strict=True)]
        return consented


def _attribute(attribute: AttributeColumn, cells: Sequence[Sequence[str | None]]) -> list[Attribute | Rejected]:
    if attribute.spelling is None:
        return read_attributes(attribute.type, cells[0])
    return [*read_positions(attribute.spelling, *cells)]


def member_ids(cells: Sequence[str | None]) -> list[str | Rejected]:
    """Member ids, trimmed."""
    return [cell if cell and cell.isascii() and cell.isalnum() else _member_id(cell) for cell in cells]


def _member_id(cell: str | None) -> str | Rejected:
    member = strip(cell or "")
    if not member:
        return Rejected(Reason.EMPTY)
    return Rejected(Reason.BAD_ENCODING) if is_broken(member) else member
