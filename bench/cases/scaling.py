"""How Miyun's fusion grows with the tables."""

from bench.cases.case import Case, Figure
from bench.cases.fusion_miyun import MiyunFusion
from bench.tables import Tables, lay_tables

CASE = Case[Tables](
    name="scaling",
    title="Scaling: Miyun's fusion from small to large",
    about="""\
The same job as under *fusion*, with the backend that this installation takes by itself, at growing sizes: time, the
peak of each process, and what a row of one side costs. It should stay linear in time and flat in memory.""",
    sized="rows a side",
    small=(2_000, 20_000),
    full=(10_000, 100_000, 1_000_000),
    figures=(Figure("seconds", "time"), Figure("delivery", "delivery")),
    contestants=(MiyunFusion(name="Miyun", backend="auto"),),
    lay=lay_tables,
    growth=True,
)
