"""The leakage statement: who will learn what under a contract, in plain words, printed before anybody signs.

It is a function of the contract alone. Each line names the clause it follows from; a line is ``loud`` where somebody
could overlook something that matters.
"""

from miyun.contract.leakage.lines import Language, LeakageLine, Who, Words
from miyun.contract.leakage.statement import leakage, render

__all__ = ["Language", "LeakageLine", "Who", "Words", "leakage", "render"]
