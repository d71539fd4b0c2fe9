"""A portrait over a whole catalogue of sparse tags."""

from pathlib import Path
from typing import Final

from bench.cases.case import Case, Figure
from bench.cases.portrait_miyun import MiyunPortrait
from bench.cases.portrait_plain import PLAIN
from bench.portraits import BRANCHES, PARTS, Portraits, lay_portraits

USERS_PER_TAG: Final = 10


def _lay(folder: Path, users: int) -> Portraits:
    return lay_portraits(folder, users, max(PARTS, users // USERS_PER_TAG))


CASE = Case[Portraits](
    name="portrait",
    title="Portrait: a segment over a whole catalogue of tags",
    about=f"""\
Both sides have a table of people, half of whom are in both. The platform also has ten times as many pairs of a user
and a tag, in a Parquet file in random order, and a catalogue of a tenth as many tags as users, below {BRANCHES}
branches. After a fusion the merchant asks for the portrait of a segment, a quarter of the platform's users, against
all who match: for both the people by tag, by branch (for whom anything there is known) and in all. For Miyun this is
the whole job as its users run it, with a zone and both agents as warm processes: from the moment that the merchant
asks until it has decrypted the totals and knows which tags stand out. In between the zone encrypts for each user,
under the merchant's key of 3072 bits, whether they are in; the platform reads its pairs from the file, multiplies,
adds noise and rerandomises. The zone has its randomness ready (*pool filled before* says how long that took, on all
processors). Each total must be within the noise of the plain count, and all together must have the noise that they
are said to have.

*phe, scaled* is the straightforward way on one processor: a uniform encryption for each user, an addition for each
pair, a decryption for each tag, of the segment alone; no base, branches, noise, network, disk or pool. It is measured
with 1,000 users (a twentieth of them where they are few), and its three parts are scaled up, each by its number.""",
    sized="users",
    small=(2_000,),
    full=(100_000, 1_000_000),
    figures=(Figure("seconds", "time"), Figure("fill", "pool filled before")),
    contestants=(MiyunPortrait(name="Miyun native", backend="native"), PLAIN),
    lay=_lay,
)
