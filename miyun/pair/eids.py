"""PAIR ids in OpenRTB 2.6: the object that a publisher puts into a bid request, and what Prebid keeps in a browser."""

import base64
import json
from collections.abc import Sequence
from typing import Any, Final

from miyun.errors import InputError
from miyun.pair.domains import fault_of
from miyun.pair.ids import PublisherIds
from miyun.pair.keyset import MOST_IN_FORCE

SOURCE: Final = "pair-protocol.com"
"""Buyers look the ids up by this name. Under another one they are ignored, and nobody says so."""

MATCH_METHOD: Final = 3
"""OpenRTB's ``mm``: the user is authenticated."""

AGENT_TYPE: Final = 3
"""OpenRTB's ``atype``: a person-based id."""

STORAGE_KEY: Final = "pairId"
"""Under which Prebid's module openPairIdSystem looks in local storage, then among cookies."""


def user_eids(ids: PublisherIds, *, inserter: str, matcher: str) -> dict[str, Any]:
    """The part of a bid request that carries one person's ids: the current one, in an overlap the one before it too.

    ``inserter`` is the domain of the site, or of the app's developer; ``matcher`` the publisher's OWNERDOMAIN in
    ads.txt.

    Raises:
        InputError: no id, more than two, one twice, or no domain name.
    """
    uids = [{"id": id_, "atype": AGENT_TYPE} for id_ in _few(ids)]
    for name, domain in (("inserter", inserter), ("matcher", matcher)):
        if fault := fault_of(domain):
            raise InputError(f"the {name} {domain[:80]!r} {fault}", hint="Write it like shop.example.com.")
    eid = {"source": SOURCE, "inserter": inserter, "matcher": matcher, "mm": MATCH_METHOD, "uids": uids}
    return {"user": {"eids": [eid]}}


def stored(ids: PublisherIds) -> str:
    """The value of ``pairId`` for Prebid: Base64 of a JSON array.

    Raises:
        InputError: no id, more than two, or one twice.
    """
    return base64.b64encode(json.dumps(_few(ids), separators=(",", ":")).encode()).decode()


def _few(ids: PublisherIds) -> Sequence[str]:
    texts = ids.encode()
    if not 0 < len(texts) <= MOST_IN_FORCE or len(set(texts)) < len(texts):
        raise InputError(
            f"{len(texts)} ids, or the same id twice",
            hint="Give one person's current id, in an overlap the one before it too.",
        )
    return texts
