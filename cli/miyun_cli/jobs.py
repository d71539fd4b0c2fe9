"""A job as the commands show it."""

from pathlib import Path
from typing import TYPE_CHECKING

from miyun_cli.invocation import Invocation
from miyun_cli.output import plain, show_fields

if TYPE_CHECKING:
    from rich.console import Console

    from miyun.contract.jobs import Job


def kind_word(job: "Job") -> str:
    """The kind of a job; a segment that exists for an estimate is called that."""
    from miyun.names import is_estimate_name

    return "estimate" if is_estimate_name(job.subject.partition("@")[0]) else job.kind


def show_job(invocation: Invocation, job: "Job", file: Path | None = None) -> None:
    """Print a job, and the file that this party's agent delivered for it."""

    def for_people(console: "Console") -> None:
        fields: dict[str, object] = {"job": job.id, "kind": kind_word(job), "of": job.subject, "state": job.state}
        if job.waiting_for:
            fields["waiting for"] = job.waiting_for
        if job.total:
            fields["done"] = f"{job.done:,} of {job.total:,}"
        if job.error:
            fields["error"] = f"{job.error} ({job.error_code})"
        if file is not None:
            fields["file"] = file
        show_fields(console, fields)

    document = plain(job)
    assert isinstance(document, dict)  # noqa: S101
    invocation.show(document if file is None else document | {"file": file}, for_people)
