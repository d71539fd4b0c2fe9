"""Segments: their expressions, what these need from whom, and how they are evaluated.

>>> from miyun.segments import members
>>> print((members.spend_90d > 1000) & ~members.opted_out)
members.spend_90d > 1000 and not members.opted_out
"""

from miyun.segments.builders import matched, members, segment, tags

__all__ = ["matched", "members", "segment", "tags"]
