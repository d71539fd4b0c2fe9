"""From the handles of an audience to the queue of its delivery: who is left out and why, and what goes with each id."""

from collections.abc import Mapping, Sequence

from pyroaring import BitMap

from miyun.destinations.batches import Order, Refused
from miyun.destinations.fields import FieldSource
from miyun.members.config import MembersConfig, load_members_config
from miyun.members.own_rows import OwnChunk, Spell
from miyun.members.reasons import Rejected
from miyun.members.roster import Roster
from miyun.party.channels import ChannelPlan
from miyun.party.delivery_queue import Rows
from miyun.party.session import Session

_CHUNK_ROWS = 16_384


def enqueue(session: Session, plan: ChannelPlan, order: Order, roster: Roster, handles: BitMap) -> None:
    """Queue the audience, from where an earlier call left off.

    Raises:
        SourceError: the member table, or a list of people who must not be reached, can't be read.
        ConfigError: a field names an identifier that the member table does not have.
    """
    members, queue, config = load_members_config(session.config_path), session.queue(order), plan.config
    people = handles - BitMap(roster.padding())
    counts = {}
    for reason, out in roster.left_out(members).items():
        counts[reason] = len(people & out)
        people -= out
    queue.leave_out(counts)
    columns = list(dict.fromkeys(name for field in config.fields.values() for name in field.columns(members)))
    delivery = session.deliveries.get(order.contract, order.job)
    first = delivery.next_handle if delivery else 0
    size = -(-_CHUNK_ROWS // config.batch_rows) * config.batch_rows
    with roster.own_rows(members, columns, spelled(members, list(config.fields.values())), people) as own:
        for chunk in own.chunks(size, first=first):
            queue.add(
                _rows(chunk, config.fields), batch_rows=config.batch_rows, cap=config.frequency_cap, now=session.now()
            )


def spelled(members: MembersConfig, fields: Sequence[FieldSource]) -> Spell:
    """How fields are made of their columns."""

    def spell(columns: Mapping[str, Sequence[str | None]]) -> list[list[str | Rejected]]:
        return [field.spell(members, [columns[name] for name in field.columns(members)]) for field in fields]

    return spell


def _rows(chunk: OwnChunk, fields: Mapping[str, FieldSource]) -> Rows:
    lacking: dict[int, Refused] = {}
    for (name, field), values in zip(fields.items(), chunk.fields, strict=True):
        if field.is_required:
            for row, value in enumerate(values):
                if isinstance(value, Rejected):
                    refused = Refused(row=row, code=f"{name}-{value.reason}", words=f"{name}: {value.words}")
                    lacking.setdefault(row, refused)
    kept = [row for row in range(len(chunk.ids)) if row not in lacking]
    return Rows(
        next_handle=chunk.next_handle,
        ids=[chunk.ids[row] for row in kept],
        columns={
            name: [None if isinstance(value := values[row], Rejected) else value for row in kept]
            for name, values in zip(fields, chunk.fields, strict=True)
        },
        lacking=[(chunk.ids[row], refused) for row, refused in lacking.items()],
    )
