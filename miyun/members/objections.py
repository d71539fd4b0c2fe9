"""Who must not be reached any more, whatever epoch they were reached by."""

from collections.abc import Iterator, Sequence

import pyarrow as pa
from pyroaring import BitMap

from miyun.bitmaps import to_numbers
from miyun.contract.model import Consent
from miyun.members import today
from miyun.members.config import MembersConfig
from miyun.members.own_rows import OwnChunk, OwnRows, Spell
from miyun.members.staging import insert
from miyun.members.workspace import connect, cursor_of, explained

_CHUNK_ROWS = 16_384


def left_out_of(config: MembersConfig, consent: Consent, batches: Iterator[Sequence[str]]) -> dict[str, str]:
    """Those of the members who must not be reached today, each with the reason that counts; see `today.left_out`.

    Raises:
        SourceError: the source, or a list, can't be read.
    """
    with explained(), connect(None, memory_mib=config.memory_mib, spill=config.folder / "tmp") as connection:
        connection.execute("CREATE TABLE live (handle UINTEGER, member VARCHAR)")
        connection.execute("CREATE TABLE padding (handle UINTEGER, copied UINTEGER)")
        place = 0
        for members in batches:
            handles = pa.array(range(place, place + len(members)), pa.uint32())
            insert(connection, "live", [handles, pa.array(members, pa.string())])
            place += len(members)
        reasons: dict[str, str] = {}
        for reason, out in today.left_out(connection, config, consent).items():
            connection.register("out", pa.table({"handle": pa.array(to_numbers(out))}))
            for (member,) in connection.execute("SELECT member FROM live SEMI JOIN out USING (handle)").fetchall():
                reasons.setdefault(member, reason)
            connection.unregister("out")
        return reasons


def objecting(config: MembersConfig, consent: Consent, columns: Sequence[str], spell: Spell) -> Iterator[OwnChunk]:
    """Everybody who must not be reached today: first their ids alone, those that only a file names included, then the
    ids of those in the source again, with fields out of its ``columns``.

    Raises:
        SourceError: the source, or a list, can't be read.
    """
    with explained(), connect(None, memory_mib=config.memory_mib, spill=config.folder / "tmp") as connection:
        everybody = BitMap(range(today.put_objecting(connection, config, consent)))
        for wanted in ((), columns) if columns else ((),):
            with OwnRows(cursor_of(connection), config, wanted, spell, everybody) as own:
                yield from own.chunks(_CHUNK_ROWS)
