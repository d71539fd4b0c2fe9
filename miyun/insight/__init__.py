"""What noised totals say about an audience: portraits, sums, overlaps, lookalikes, lift, boards.

Everything here is post-processing of totals that were noised before anybody could decrypt them, so nothing here costs
budget and nothing exact enters. Every number for a person is an `Estimate`, with its interval.

**What the intervals hold.** A number *about these people* (count, sum, mean, share, coverage) has an interval for the
noise alone: who is in the segment is no accident. A *comparison* (TGI, difference, lift, separation) is read as saying
something about people of that kind; its interval also holds chance: other people of the same kind would have given
other numbers.

>>> from miyun.insight.proportions import Proportions
>>> regulars = Proportions.of([280], [1_000], scale=20)
>>> regulars.shares(z=1.96).one()
Estimate(value=0.28, low=0.2396..., high=0.3211...)
"""
