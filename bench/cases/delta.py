"""Changing the rows of a fusion, instead of fusing again."""

from bench.cases.case import Case, Figure
from bench.cases.delta_miyun import MiyunDelta
from bench.changing import CHANGED, Changing

CASE = Case[Changing](
    name="delta",
    title=f"Delta: {CHANGED:,} members change after a fusion",
    about=f"""\
The tables of *fusion*, under a contract whose deltas are padded to {CHANGED:,} rows. After the fusion {CHANGED // 2:,}
members come and {CHANGED // 2:,} go, from two files, as a delta: from the moment that the merchant asks until the zone
has matched anew and both agents are done. *Fusing* is the fusion before it, under the same contract, in the same
processes. Afterwards a segment of everyone is activated to both parties, outside the time, and must have the ids that a
plain join of the changed tables gives. Processor time is that of all processes, the merchant's user among them.""",
    sized="rows a side",
    small=(5_000,),
    full=(100_000, 1_000_000),
    figures=(
        Figure("seconds", "time"),
        Figure("fusing", "fusing"),
        Figure("processor", "processor time of a delta"),
        Figure("fusing_processor", "of fusing"),
    ),
    contestants=(MiyunDelta(name="Miyun native", backend="native"),),
    lay=Changing.lay,
)
