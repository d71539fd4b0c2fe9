"""Creating a segment of predicates of both sides."""

from bench.cases.case import Case, Figure
from bench.cases.segment_miyun import MiyunSegment
from bench.spenders import Spenders

CASE = Case[Spenders](
    name="segment",
    title="Segment: a predicate of each side, evaluated over all that is matched",
    about="""\
Both sides have a CSV file of ids, phones and what somebody spends there; half of the people are in both. After a fusion
the merchant creates a segment of who spends much here and little there: from the moment that it asks until both agents
have read their table, answered for every row handle and the zone has put it together. Each run asks for another bound,
which neither side has answered before. Afterwards the segment is activated to both parties (*delivery*), and must have
the ids that a plain join of the tables gives.""",
    sized="rows a side",
    small=(5_000,),
    full=(100_000, 1_000_000),
    figures=(Figure("seconds", "time"), Figure("delivery", "delivery")),
    contestants=(MiyunSegment(name="Miyun native", backend="native"),),
    lay=Spenders.lay,
)
