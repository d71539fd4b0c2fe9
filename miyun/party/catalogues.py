"""A party's own catalogue of tags, and what a question means in a catalogue."""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from miyun.aggregates.lookalikes import SCORE
from miyun.aggregates.statements import InsightRequest
from miyun.contract.model import Contract, Rung
from miyun.contract.permissions import granted_tags
from miyun.errors import ConfigError, InputError, NotPermittedError
from miyun.insight.lookalike import PARTS
from miyun.members.catalogue import Catalogue, Indices
from miyun.members.catalogue_file import load_catalogue
from miyun.members.catalogue_tree import CatalogueRow, TagType
from miyun.members.config import MembersConfig, TagsConfig

WHOLE = ""
"""The name, in grants and as a branch, of a whole catalogue."""


def own_catalogue(config: MembersConfig) -> Catalogue:
    """The catalogue that ``[tags]`` names; read again when the file has changed.

    Raises:
        ConfigError: there is no ``[tags]``.
        SourceError: the file can't be read, or is no catalogue.
    """
    if config.tags is None:
        raise ConfigError("there is no [tags] table", hint="Say in [tags] where the pairs and the catalogue are.")
    path = config.tags.resolve(config.tags.catalogue)
    facts = path.stat() if path.is_file() else None
    return _load(config.tags, facts and (facts.st_ino, facts.st_size, facts.st_mtime_ns))


@lru_cache(maxsize=1)
def _load(config: TagsConfig, _: tuple[int, ...] | None) -> Catalogue:
    return load_catalogue(config)


def score_catalogue(lookalike: str) -> Catalogue:
    """A catalogue of one dimension, a person's part by score: nobody's tag, but counted as one."""
    parts = tuple(str(part + 1) for part in range(PARTS))
    return Catalogue([CatalogueRow(id=SCORE + lookalike, name=lookalike, type=TagType.OPTION, options=parts)])


def scored_by(request: InsightRequest) -> str | None:
    """The lookalike whose parts by score a question is about, if it is about any."""
    match (request.tags, request.branches):
        case ((), (branch,)) if branch.startswith(SCORE):
            lookalike = branch.removeprefix(SCORE)
            return lookalike if request.catalogue_digest == score_catalogue(lookalike).digest() else None
    return None


def asked_tags(catalogue: Catalogue, tags: Sequence[str], branches: Sequence[str]) -> Indices:
    """What is counted of the tags and of the branches, ascending, each once. The branch "" is the whole catalogue.

    Raises:
        NotFoundError: the catalogue has no such tag.
        InputError: one of ``tags`` is not counted itself.
    """
    places = sorted({catalogue.find(tag) for tag in tags})
    for place in places:
        if not catalogue.counts(np.array([place], np.uint32)):
            raise InputError(
                f"{catalogue.id_of(place)!r} has tags or options below it and is not counted itself",
                hint="Ask for it as a branch.",
            )
    return np.union1d(np.array(places, np.uint32), catalogue.select(branches)).astype(np.uint32)


def permit_tags(contract: Contract, reader: str, catalogue: Catalogue, asked: Indices) -> None:
    """``reader`` may have totals of the other party's tags.

    A grant of insight on a tag holds for everything below it, one on the bare namespace for the whole catalogue. What
    is sensitive is reached by a grant on a sensitive tag alone, itself or above it.

    Raises:
        NotPermittedError: a grant is missing.
    """
    granted = granted_tags(contract, reader)
    reached: list[bool] = []
    sensitive = catalogue.sensitive.tolist()
    for index, parent in enumerate(catalogue.parents.tolist()):
        above = reached[parent] if parent >= 0 else WHOLE in granted
        crosses = sensitive[index] and not (parent >= 0 and sensitive[parent])
        reached.append((above and not crosses) or catalogue.id_of(index) in granted)
    missing = [index for index in asked.tolist() if not reached[index]]
    if missing:
        others = f" and {len(missing) - 1:,} more" if len(missing) > 1 else ""
        raise _not_granted(contract, reader, catalogue.id_of(missing[0]), others)


def permit_attribute(contract: Contract, reader: str, name: str) -> None:
    """``reader`` may have sums of an attribute of the other party's member table.

    Raises:
        NotPermittedError: the grant is missing.
    """
    if name not in granted_tags(contract, reader):
        raise _not_granted(contract, reader, name)


def _not_granted(contract: Contract, reader: str, name: str, others: str = "") -> NotPermittedError:
    owner = contract.counterparty(reader)
    subject = f"{owner.kind.namespace}.{name}"
    return NotPermittedError(
        f"{owner.name} grants {reader} no {Rung.INSIGHT} of {subject}{others}",
        hint=f"Leave it out, or agree on a contract with this grant: owner {owner.name}, subject {subject}, "
        f"rung {Rung.INSIGHT}, recipient {reader}.",
        clause="grants",
    )
