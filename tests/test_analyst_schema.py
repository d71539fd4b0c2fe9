"""What an analyst can be told is bounded by the schema itself, whatever the zone's code does."""

from collections.abc import Iterator

import pytest
from google.protobuf.descriptor import Descriptor, FieldDescriptor

from miyun.wire.v1 import size_pb2

ALLOWED_ANSWER_FIELDS = {
    "miyun.wire.v1.AskSizeResponse": {"statement", "signature"},
    "miyun.wire.v1.SizeBand": {"contract", "segment", "version", "at_least", "below", "at"},
    "miyun.wire.v1.QuoteSizeResponse": {"rho_micro", "remaining_micro"},
}


def reachable(message: Descriptor) -> Iterator[Descriptor]:
    yield message
    for field in message.fields:
        if field.message_type is not None:
            yield from reachable(field.message_type)


def answers() -> list[Descriptor]:
    service = size_pb2.DESCRIPTOR.services_by_name["SizeService"]
    return [message for method in service.methods for message in reachable(method.output_type)]


def test_answers_are_these_messages_with_these_fields_and_no_others() -> None:
    assert {m.full_name: {f.name for f in m.fields} for m in answers()} == ALLOWED_ANSWER_FIELDS


@pytest.mark.parametrize("message", answers(), ids=lambda message: message.name)
def test_no_answer_can_carry_a_list_a_map_or_a_blob(message: Descriptor) -> None:
    for field in message.fields:
        assert not field.is_repeated, f"{field.full_name} could carry rows"
        assert field.type != FieldDescriptor.TYPE_BYTES or field.name == "signature", f"{field.full_name} is a blob"
