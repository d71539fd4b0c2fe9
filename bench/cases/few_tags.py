"""A portrait over a few tags that many people have."""

from pathlib import Path
from typing import Final

from bench.cases.case import Case, Figure
from bench.cases.portrait_miyun import MiyunPortrait
from bench.cases.portrait_plain import PLAIN
from bench.portraits import Portraits, lay_portraits

TAGS: Final = 50


def _lay(folder: Path, users: int) -> Portraits:
    return lay_portraits(folder, users, TAGS)


CASE = Case[Portraits](
    name="few-tags",
    title=f"Portrait over {TAGS} tags",
    about=f"""\
The same as *portrait*, with a catalogue of {TAGS} tags that ten times as many pairs as users fall on. What is left is
what comes with every portrait, however few tags it has: a ciphertext for each user, and a product for each pair.""",
    sized="users",
    small=(2_000,),
    full=(100_000, 1_000_000),
    figures=(Figure("seconds", "time"), Figure("fill", "pool filled before")),
    contestants=(MiyunPortrait(name="Miyun native", backend="native"), PLAIN),
    lay=_lay,
)
