"""Rows of nobody, for dry runs: each field looks as its profiles and its hash make it look."""

from miyun.destinations.batches import Batch, Order
from miyun.destinations.plugin import DestinationConfig
from miyun.members.config import MembersConfig

SAMPLE_ROWS = 3


def sample_batch(order: Order, config: DestinationConfig, members: MembersConfig) -> Batch:
    """A batch of made-up rows.

    Raises:
        ConfigError: a field names an identifier that the member table does not have.
    """
    for field in config.fields.values():
        field.columns(members)
    return Batch(
        order=order,
        index=0,
        ids=tuple(f"example-{number}" for number in range(1, SAMPLE_ROWS + 1)),
        columns={name: (field.example(members),) * SAMPLE_ROWS for name, field in config.fields.items()},
    )
