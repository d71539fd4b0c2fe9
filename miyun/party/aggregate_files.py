"""Working files of the columns' owner: its columns by row handle, totals that are not complete, and scores."""

from pathlib import Path

from miyun.keys.files import write_private
from miyun.party.job_files import JobFiles


class AggregateFiles(JobFiles):
    """All go with their job, or with the next epoch."""

    def tagged(self, contract: str, job: str) -> Path:
        """Where who carries which tag is."""
        return self.path(contract, job, "tagged.duckdb")

    def numbers(self, contract: str, job: str) -> Path:
        """Where the numbers are."""
        return self.path(contract, job, "numbers.duckdb")

    def scores(self, contract: str, epoch: int, generation: int, lookalike: str) -> Path:
        """Where the scores by a lookalike are, row by row, of one generation of the data."""
        return self.path(contract, f"{epoch}.{generation}", f"{lookalike}.scores")

    def state(self, contract: str, job: str) -> bytes | None:
        """The running totals that were put down, if any were."""
        path = self.path(contract, job, "totals")
        return path.read_bytes() if path.is_file() else None

    def put_state(self, contract: str, job: str, state: bytes) -> None:
        """Put the running totals down, durably."""
        write_private(self.path(contract, job, "totals"), state)
