"""Matching two tables, from file to file."""

from bench.cases.case import Case, Contestant, Figure
from bench.cases.fusion_miyun import MiyunFusion
from bench.cases.fusion_open import OPEN_JOINS
from bench.cases.fusion_peers import OpenMined, SecretFlow
from bench.tables import Tables, lay_tables

MIYUN = (
    MiyunFusion(name="Miyun native", backend="native"),
    MiyunFusion(name="Miyun portable", backend="portable", largest=100_000),
)
PEERS: tuple[Contestant[Tables], ...] = (
    SecretFlow(name="SecretFlow ECDH", protocol="ECDH", curve="25519"),
    SecretFlow(name="SecretFlow ECDH Elligator2", protocol="ECDH", curve="25519_ELLIGATOR2", largest=100_000),
    SecretFlow(name="SecretFlow KKRT", protocol="KKRT"),
    SecretFlow(name="SecretFlow RR22", protocol="RR22"),
    OpenMined(),
)

CASE = Case[Tables](
    name="fusion",
    title="Fusion: two tables matched, from file to file",
    about="""\
Each side has a CSV file of ids and phones; half of the people are in both. For Miyun this is the whole job as its users
run it: a zone and both agents as warm processes, normalising, TLS, storage, the zone's join, from the moment that a
party asks to the report that is durable at the zone and both agents done. The merchant learns and reports nothing but
noised counts until a segment is activated; to compare the result, a segment of everyone is then activated to both
parties (*delivery*, outside the time). For the others it is from both processes linked and ready to both files written.
Their trust model is another one: two parties, no zone, and whoever gets the result gets all of it. SecretFlow's
CURVE_25519 maps a phone to the curve by a bare SHA-256, which is no sound hash to the curve; Elligator2 is its sound
one. KKRT and RR22 rest on oblivious transfer and linear codes, not on blinding alone. openmined-psi tells the client
only, so it writes one file. The last rows join without any privacy.

All traffic between processes passes through the same metering wire on loopback.""",
    sized="rows a side",
    small=(5_000,),
    full=(100_000, 1_000_000),
    figures=(Figure("seconds", "time"), Figure("delivery", "delivery")),
    contestants=(*MIYUN, *PEERS, *OPEN_JOINS),
    lay=lay_tables,
)
