"""What a bid request with PAIR ids may get wrong, and what comes of it."""

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    ERROR = "error"
    WARNING = "warning"


class Rule(StrEnum):
    """Machine-readable names of the rules."""

    UNREADABLE = "unreadable"
    REPEATED_NAME = "repeated-name"
    ABSENT = "absent"
    PLACEMENT = "placement"
    SOURCE = "source"
    SEVERAL_OBJECTS = "several-objects"
    INSERTER = "inserter"
    MATCHER = "matcher"
    INSERTER_ELSEWHERE = "inserter-elsewhere"
    MATCH_METHOD = "mm"
    UIDS = "uids"
    AGENT_TYPE = "atype"
    EXTENSION = "ext"
    RAW_IDENTIFIER = "raw-identifier"
    ENCODING = "encoding"
    POINT = "point"
    DUPLICATE = "duplicate"
    TOO_MANY = "too-many"

    @property
    def severity(self) -> Severity:
        return Severity.WARNING if self in _WARNINGS else Severity.ERROR

    @property
    def why(self) -> str:
        """What the rule asks for, or what comes of breaking it."""
        return _WHY[self]


_WARNINGS = frozenset({Rule.SEVERAL_OBJECTS, Rule.INSERTER_ELSEWHERE, Rule.EXTENSION})

_WHY = {
    Rule.UNREADABLE: "a bid request is one JSON object",
    Rule.REPEATED_NAME: "readers differ in which of two equal names they take",
    Rule.ABSENT: "nothing here is a PAIR id; buyers see a user without one",
    Rule.PLACEMENT: "OpenRTB 2.6 reads ids from user.eids and nowhere else",
    Rule.SOURCE: "buyers look for exactly pair-protocol.com; any other spelling drops the bids, and nobody says so",
    Rule.SEVERAL_OBJECTS: "buyers may read the first one only; put both ids into one object",
    Rule.INSERTER: "the domain of the site, or of the app's developer",
    Rule.MATCHER: "the OWNERDOMAIN of the publisher's ads.txt, against which buyers check whose ids these are",
    Rule.INSERTER_ELSEWHERE: "the inserter is the domain that the impression comes from",
    Rule.MATCH_METHOD: "the number 3: the user is authenticated",
    Rule.UIDS: "an array with an object for each id",
    Rule.AGENT_TYPE: "the number 3: a person-based id",
    Rule.EXTENSION: "PAIR knows no extension; what is in it tells more of the person than the id does",
    Rule.RAW_IDENTIFIER: "an address, or a hash that anybody can test guesses against; never for bid requests",
    Rule.ENCODING: "32 bytes in standard Base64 (RFC 4648, 4): 44 characters, with + and / and =, compared as text",
    Rule.POINT: "the canonical encoding of an element of ristretto255 other than the identity; nothing else is an id",
    Rule.DUPLICATE: "an id that is there twice means that one of the two generations is missing",
    Rule.TOO_MANY: "one id, in an overlap two; more mean that retired keys are still in use",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """``path`` is the place in the document, such as ``user.eids[0].uids[1].id``. No id is repeated in ``words``."""

    rule: Rule
    path: str
    words: str

    @property
    def severity(self) -> Severity:
        return self.rule.severity
