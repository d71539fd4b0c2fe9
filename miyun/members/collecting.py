"""One reading of the member table for a check or a roster: staged, settled, quarantined, reported."""

from collections.abc import Sequence
from dataclasses import dataclass

import duckdb

from miyun.members.config import ConsentColumn, MembersConfig
from miyun.members.optouts import open_lists
from miyun.members.padding import Padding, plan_padding
from miyun.members.quarantine import Quarantine
from miyun.members.reading import MemberReader, Profiles, Progress
from miyun.members.report import ColumnReport, MembersReport, TypeReport
from miyun.members.staging import Settled, Staging


@dataclass(frozen=True, slots=True, kw_only=True)
class Collected:
    settled: Settled
    padding: Padding
    report: MembersReport


def collect(
    connection: duckdb.DuckDBPyConnection,
    config: MembersConfig,
    *,
    profiles: Profiles,
    consent: Sequence[ConsentColumn],
    bucket: int,
    least: int,
    on_progress: Progress | None,
) -> Collected:
    """Stage the whole source in ``connection`` and settle it; the quarantine file is written anew.

    Raises:
        SourceError: the source, or the opt-out file, can't be read.
    """
    with Quarantine(config.quarantine_path) as quarantine:
        reader = MemberReader(
            config,
            profiles=profiles,
            consent=consent,
            attributes=tuple(config.attributes),
            quarantine=quarantine,
            on_progress=on_progress,
        )
        staging = Staging(connection, tuple(profiles))
        for batch in reader.batches():
            staging.add(batch)
        opted_out = _opt_out_columns(config, quarantine)
        settled = staging.settle()
    padding = (
        plan_padding(settled.members, settled.values, bucket, least=least)
        if settled.members
        else Padding(handles=0, carriers=((),) * len(profiles))
    )
    types = tuple(
        TypeReport(type=type_, profile=profile, values=values, points=values + len(pads), shared=shared)
        for (type_, profile), values, shared, pads in zip(
            profiles.items(), settled.values, settled.shared, padding.carriers, strict=True
        )
    )
    report = MembersReport(
        rows=reader.rows,
        bad_rows={reason.value: count for reason, count in sorted(reader.bad_rows.items())},
        columns=reader.columns + opted_out,
        duplicate_rows=settled.duplicate_rows,
        without_consent=settled.without_consent,
        without_identifier=settled.without_identifier,
        members=settled.members,
        universe=settled.members + padding.handles,
        types=types,
        quarantined=quarantine.entries,
        quarantine=str(config.quarantine_path),
    )
    return Collected(settled=settled, padding=padding, report=report)


def _opt_out_columns(config: MembersConfig, quarantine: Quarantine) -> tuple[ColumnReport, ...]:
    lists = open_lists(config, quarantine).values()
    for listed in lists:
        for _ in listed.batches():
            pass
    return tuple(tally.report() for listed in lists for tally in listed.tallies.values())
