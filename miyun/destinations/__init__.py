"""Where audiences go: the contract of destination plug-ins, and those that are built in.

A plug-in knows one kind of receiver and nothing of contracts, segments or the zone. The party's delivery engine
(``miyun.party``) gives it batches that were written down before, with keys that stay the same however often they are
sent.
"""
