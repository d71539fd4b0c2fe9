"""Encrypted aggregates: counts and sums over segments, without anyone seeing a row.

Two circuits on one engine (:class:`~.statements.Circuit`). Whoever decrypts never sees the selection; whoever selects
never decrypts.

====================  ========================================  =================================
role                  encrypted selection                       encrypted values
====================  ========================================  =================================
reader                the other party: :mod:`.reading`          the columns' owner: :mod:`.reading`
encrypts by row       the zone: :mod:`.selection`               the columns' owner: :mod:`.values`
computes              the columns' owner: :mod:`.counting`      the zone: :mod:`.summing`
adds noise, releases  the columns' owner: :mod:`.release`       the zone: :mod:`.release`
====================  ========================================  =================================

All of them derive the same :class:`~.job.InsightJob` from the signed statements: what is asked (:mod:`.question`), how
much noise hides a row in it (:mod:`miyun.privacy.sensitivity`), and where everything lies (:mod:`.layout`).
"""
