"""The audience answer service: in which of these audiences is this person or device?

A party builds sets from audiences that were delivered to it, and a process of its own answers from them, to platforms
that it gave a token. Nothing here talks to the zone.

Whoever may ask learns for an id that it already has in which audiences it is: that is the activation itself, one person
at a time.
"""
