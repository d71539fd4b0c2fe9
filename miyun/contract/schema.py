"""Types of attribute columns, as predicates see them."""

from enum import StrEnum


class ColumnType(StrEnum):
    NUMBER = "number"
    TEXT = "text"
    BOOLEAN = "boolean"
    DATE = "date"
    LOCATION = "location"
