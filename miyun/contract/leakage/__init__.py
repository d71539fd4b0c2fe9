"""The leakage statement: who will learn what under a contract, in plain words, printed before anybody signs.

It is a function of the contract alone. Each line names the clause it follows from; a line is ``loud`` where somebody
could overlook something that matters.
"""

from miyun.contract.leakage.lines import LeakageLine, Who
from miyun.contract.leakage.statement import leakage, render
from miyun.words import Language, Words

__all__ = ["Language", "LeakageLine", "Who", "Words", "leakage", "render"]
