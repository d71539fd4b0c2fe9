"""Every statement has a mirror message, and survives the way there and back."""

import importlib
import pkgutil
import sys
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta, timezone
from enum import StrEnum
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import pytest
from google.protobuf import message_factory, symbol_database
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import miyun
import miyun.wire.v1
from miyun.contract.model import Contract
from miyun.errors import InternalError, MalformedError
from miyun.keys.identity import Identity
from miyun.keys.signing import SigningKey
from miyun.pair.salts import SaltGrant
from miyun.psi.statements import Announcement, TypeCount
from miyun.records import Record, Statement
from miyun.segments.statements import SegmentRequest
from miyun.transport.codec import LARGEST_INTEGER, from_wire, to_wire
from miyun.wire.v1 import audit_pb2, fusion_pb2, identity_pb2, segment_pb2

SIGNED_AS_DOCUMENT = {Contract, SaltGrant}


def all_statements() -> list[type[Statement]]:
    for module in pkgutil.walk_packages(miyun.__path__, "miyun."):
        if module.name.endswith((".statements", ".identity", ".model")):
            importlib.import_module(module.name)
    for module in pkgutil.iter_modules(miyun.wire.v1.__path__, "miyun.wire.v1."):
        importlib.import_module(module.name)
    names = {(kind.__module__, kind.__name__) for kind in Statement.__subclasses__()}
    found = {getattr(sys.modules[module], name) for module, name in names if module.startswith("miyun.")}
    return sorted(found - SIGNED_AS_DOCUMENT, key=lambda kind: kind.__name__)


STATEMENTS = all_statements()
KEY = SigningKey.generate()


def mirror(record_type: type[Record]) -> type[Message]:
    database = symbol_database.Default()
    descriptor = database.pool.FindMessageTypeByName(f"miyun.wire.v1.{record_type.__name__}")
    message: type[Message] = message_factory.GetMessageClass(descriptor)
    return message


def wire_shape(hint: Any) -> tuple[str, str]:
    """(cardinality, type) of the field that mirrors ``hint``."""
    if get_origin(hint) in {Union, UnionType}:
        (inner,) = [kind for kind in get_args(hint) if kind is not NoneType]
        return "optional", wire_shape(inner)[1]
    if get_origin(hint) is tuple:
        return "repeated", wire_shape(get_args(hint)[0])[1]
    if get_origin(hint) is dict:
        return "map", "string"
    if issubclass(hint, Record):
        return "single", hint.__name__
    names = {str: "string", bytes: "bytes", int: "integer", bool: "bool", datetime: "string"}
    return "single", "string" if issubclass(hint, StrEnum) else names[hint]


def field_shape(field: FieldDescriptor) -> tuple[str, str]:
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        return "map", field_shape(field.message_type.fields_by_name["value"])[1]
    kinds = {
        FieldDescriptor.TYPE_STRING: "string",
        FieldDescriptor.TYPE_BYTES: "bytes",
        FieldDescriptor.TYPE_BOOL: "bool",
        FieldDescriptor.TYPE_UINT32: "integer",
        FieldDescriptor.TYPE_UINT64: "integer",
        FieldDescriptor.TYPE_INT64: "integer",
    }
    kind = field.message_type.name if field.message_type is not None else kinds[field.type]
    if field.is_repeated:
        return "repeated", kind
    optional = field.has_presence and (field.message_type is None or field.containing_oneof is not None)
    return ("optional" if optional else "single"), kind


@pytest.mark.parametrize("statement", STATEMENTS, ids=lambda kind: kind.__name__)
def test_each_statement_has_a_message_of_its_name_with_the_same_fields(statement: type[Statement]) -> None:
    hints = get_type_hints(statement)
    shapes = {field.name: wire_shape(hints[field.name]) for field in fields(statement)}

    assert {field.name: field_shape(field) for field in mirror(statement).DESCRIPTOR.fields} == shapes


def test_no_two_kinds_of_statement_share_a_name() -> None:
    kinds = [statement.KIND for statement in [*STATEMENTS, *SIGNED_AS_DOCUMENT]]

    assert len(kinds) > 15
    assert len(set(kinds)) == len(kinds)


TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
TIMES = st.datetimes(min_value=datetime(1970, 1, 1), timezones=st.just(UTC))


def values(hint: Any) -> st.SearchStrategy[Any]:
    if get_origin(hint) in {Union, UnionType}:
        return st.one_of(*[st.none() if kind is NoneType else values(kind) for kind in get_args(hint)])
    if get_origin(hint) is tuple:
        return st.lists(values(get_args(hint)[0]), max_size=3).map(tuple)
    if get_origin(hint) is dict:
        return st.dictionaries(TEXT, TEXT, max_size=3)
    if issubclass(hint, Record):
        return records(hint)
    simple: dict[type, st.SearchStrategy[Any]] = {
        str: TEXT,
        bytes: st.binary(max_size=40),
        int: st.integers(0, 2**32 - 1),
        bool: st.booleans(),
        datetime: TIMES | TIMES.map(lambda time: time.replace(microsecond=0)),
    }
    return st.sampled_from(list(hint)) if issubclass(hint, StrEnum) else simple[hint]


def records(record_type: type[Record]) -> st.SearchStrategy[Any]:
    hints = get_type_hints(record_type)
    return st.builds(record_type, **{field.name: values(hints[field.name]) for field in fields(record_type)})  # type: ignore[arg-type]


@pytest.mark.parametrize("statement", STATEMENTS, ids=lambda kind: kind.__name__)
@settings(max_examples=15, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_there_and_back_is_the_same_statement_with_the_same_signature(
    statement: type[Statement], data: st.DataObject
) -> None:
    record = data.draw(records(statement))
    message = mirror(statement)

    received = from_wire(message.FromString(to_wire(record, message).SerializeToString()), statement)

    assert received == record
    KEY.verify_key.verify(received, KEY.sign(record))


def test_a_missing_optional_field_is_none_and_an_empty_one_is_not() -> None:
    identity = Identity(name="lab", role="analyst", organisation="Lab", signing_key=b"k")

    assert from_wire(to_wire(identity, identity_pb2.Identity), Identity).sealing_key is None
    assert from_wire(identity_pb2.Identity(kind=""), Identity).kind == ""


@pytest.mark.parametrize(
    "time",
    [
        "",
        "yesterday",
        "2026-01-01",
        "2026-01-01T00:00:00",
        "2026-01-01T00:00:00+00:00",
        "2026-01-01T08:00:00+08:00",
        "2026-01-01 00:00:00Z",
        "2026-01-01T00:00:00.5Z",
        "2026-02-30T00:00:00Z",
        "2026-01-01T25:00:00Z",
        "٢٠٢٦-01-01T00:00:00Z",
        "2026-01-01T00:00:00Z\n",
    ],
)
def test_anything_but_a_utc_time_is_malformed(time: str) -> None:
    request = segment_pb2.SegmentRequest(universe="matched", expires=time, at="2026-01-01T00:00:00Z")
    with pytest.raises(MalformedError, match=r"SegmentRequest\.expires"):
        from_wire(request, SegmentRequest)


def test_a_time_outside_utc_is_not_sent() -> None:
    abroad = datetime(2026, 1, 1, tzinfo=timezone(timedelta(hours=8)))

    with pytest.raises(InternalError):
        to_wire(FirstFields(at=abroad), audit_pb2.AuditHead)


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstFields(Record):
    at: datetime


class Colour(StrEnum):
    RED = "red"


@dataclass(frozen=True, slots=True, kw_only=True)
class WithEnum(Record):
    event: Colour


@dataclass(frozen=True, slots=True, kw_only=True)
class Inner(Record):
    contract: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WithNested(Record):
    statement: Inner


def test_enumerations_travel_as_their_values_and_unknown_ones_are_malformed() -> None:
    assert to_wire(WithEnum(event=Colour.RED), audit_pb2.AuditEntry).event == "red"
    assert from_wire(audit_pb2.AuditEntry(event="red"), WithEnum).event is Colour.RED
    with pytest.raises(MalformedError, match="red"):
        from_wire(audit_pb2.AuditEntry(event="blue"), WithEnum)


def test_a_missing_nested_message_is_malformed_and_an_empty_one_is_there() -> None:
    with pytest.raises(MalformedError, match=r"WithNested\.statement is missing"):
        from_wire(audit_pb2.SignedReceipt(), WithNested)
    assert to_wire(WithNested(statement=Inner(contract="")), audit_pb2.SignedReceipt).HasField("statement")


def test_a_number_that_could_not_have_been_signed_is_malformed() -> None:
    @dataclass(frozen=True, slots=True, kw_only=True)
    class Sequence(Record):
        sequence: int

    assert from_wire(audit_pb2.AuditHead(sequence=LARGEST_INTEGER), Sequence).sequence == LARGEST_INTEGER
    with pytest.raises(MalformedError):
        from_wire(audit_pb2.AuditHead(sequence=LARGEST_INTEGER + 1), Sequence)


def test_text_with_a_zero_character_is_malformed() -> None:
    with pytest.raises(MalformedError, match="zero"):
        from_wire(identity_pb2.Identity(name="a\0b"), Identity)


def test_nested_records_keep_their_order() -> None:
    counts = tuple(TypeCount(type=name, points=1, chunks=1) for name in ("phone", "email"))
    announcement = Announcement(contract="c", job="j", epoch=1, party="p", handles=2, counts=counts)

    assert from_wire(to_wire(announcement, fusion_pb2.Announcement), Announcement).counts == counts
