"""What other parties published, as it was fetched and checked.

Beside the home's database, in files that need no key: of each contract the newest statement, and the newest catalogue
with the statement that it came under.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

from miyun.errors import MalformedError
from miyun.keys.files import make_private_folder, write_private
from miyun.members.catalogue import Catalogue
from miyun.members.catalogue_pages import read_pages
from miyun.segments.publication import PublishedSchema

SCHEMA_FOLDER = "published"

_SCHEMA, _CATALOGUE, _TAGS = "schema", "catalogue", "tags"


class GivenSchemas:
    """The files in one folder of a home."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def schema(self, contract: str, party: str) -> PublishedSchema | None:
        """The newest statement that was fetched."""
        return self._statement(contract, party, _SCHEMA)

    def catalogue(self, contract: str, party: str) -> Catalogue | None:
        """The newest catalogue that was fetched; None also where its file is damaged."""
        held = self._statement(contract, party, _CATALOGUE)
        path = self._path(contract, party, _TAGS)
        if held is None or not path.is_file():
            return None
        try:
            return read_pages([path.read_bytes()], digest=held.catalogue_digest, tags=held.tags)
        except MalformedError:
            return None

    def has_catalogue(self, schema: PublishedSchema) -> bool:
        """Whether the catalogue of this statement was fetched."""
        held = self._statement(schema.contract, schema.party, _CATALOGUE)
        return held is not None and held.catalogue_digest == schema.catalogue_digest

    def of_party(self, party: str) -> tuple[PublishedSchema, ...]:
        """Statements of a party whose catalogues are here, under whichever contracts, the newest first."""
        found = (held for held in self._all() if held.party == party)
        return tuple(sorted(found, key=lambda held: (held.at, held.contract), reverse=True))

    def parties(self) -> frozenset[str]:
        """Whose catalogues are here."""
        return frozenset(held.party for held in self._all())

    def keep(self, schema: PublishedSchema) -> None:
        make_private_folder(self._folder)
        write_private(self._path(schema.contract, schema.party, _SCHEMA), schema.canonical_bytes())

    def keep_catalogue(self, schema: PublishedSchema, pages: Sequence[bytes]) -> None:
        make_private_folder(self._folder)
        write_private(self._path(schema.contract, schema.party, _TAGS), b"".join(pages))
        write_private(self._path(schema.contract, schema.party, _CATALOGUE), schema.canonical_bytes())

    def forget(self, contract: str, party: str) -> None:
        for part in (_SCHEMA, _CATALOGUE, _TAGS):
            self._path(contract, party, part).unlink(missing_ok=True)

    def _all(self) -> Iterator[PublishedSchema]:
        for path in sorted(self._folder.glob(f"*.{_CATALOGUE}")):
            contract, party, _ = path.name.split(".")
            held = self._statement(contract, party, _CATALOGUE)
            if held is not None:
                yield held

    def _statement(self, contract: str, party: str, part: str) -> PublishedSchema | None:
        try:
            return PublishedSchema.from_canonical(self._path(contract, party, part).read_bytes())
        except (FileNotFoundError, MalformedError):
            return None

    def _path(self, contract: str, party: str, part: str) -> Path:
        return self._folder / f"{contract}.{party}.{part}"
