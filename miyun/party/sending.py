"""Sending what is queued: batch after batch, each noted before and after, until all have their outcome or a stop."""

import csv
import io
import logging
import shutil
import time
from collections.abc import Mapping
from contextlib import closing
from functools import partial
from itertools import chain
from threading import Event
from typing import Any

from miyun.destinations.batches import Batch, BatchOutcome
from miyun.destinations.plugin import Destination
from miyun.destinations.rate import TokenBucket, back_off
from miyun.errors import ContractError, DestinationError, MiyunError, UnavailableError
from miyun.keys.files import make_private_folder, write_private
from miyun.members.config import ENDED, load_members_config
from miyun.members.objections import left_out_of
from miyun.party.channels import ChannelPlan, open_destination, plan_of, report_path, work_folder
from miyun.party.deliveries import DeliveryRecord, DeliveryState, Receiver, Refusal
from miyun.party.delivery_queue import BatchState, QueuedBatch
from miyun.party.session import Session
from miyun.party.tasks.outcome import Outcome
from miyun.words import as_cell

LOOK_SECONDS = 3600.0
"""How old an objection may be before what is queued and not sent is looked through again."""

log = logging.getLogger(__name__)


class Sending:
    """One delivery on its way to its receiver. One at a time per channel."""

    def __init__(self, session: Session, delivery: DeliveryRecord, stop: Event) -> None:
        self._session = session
        self._order = delivery.order
        self._stop = stop
        self._queue = session.queue(delivery.order)

    def run(self) -> Outcome:
        """Go on for as long as the receiver takes batches. What can't go on is stopped, with the reason noted."""
        try:
            return self.finish()
        except UnavailableError:
            return Outcome.IDLE
        except MiyunError as error:
            self._halt(error.message, error.hint)
        except Exception as error:
            log.error("delivery %s failed: %s", self._order.job, type(error).__name__)  # noqa: TRY400 - it may hold rows
            self._halt(f"the destination plug-in failed ({type(error).__name__})", "Report it to its author.")
        return Outcome.DONE

    def finish(self) -> Outcome:
        """The same; what can't go on is raised.

        Raises:
            UnavailableError: the receiver is to be asked again later.
            MiyunError: it won't help to ask again.
        """
        self._session.accepted.active(self._order.contract, self._session.now())
        plan = plan_of(self._session, self._order.channel)
        bucket = TokenBucket(rate=plan.config.batches_per_second, clock=time.monotonic)
        with closing(open_destination(self._session, plan, self._order)) as destination:
            while (queued := self._queue.next(self._session.now())) is not None:
                if self._stop.wait(bucket.wait_seconds()):
                    return Outcome.IDLE
                if self._looks_anew(destination) or self._is_too_late(queued):
                    continue
                self._attempt(plan, destination, queued)
            if self._queue.open():
                return Outcome.IDLE
            self._complete(destination)
        return Outcome.DONE

    def _looks_anew(self, destination: Destination[Any]) -> bool:
        """Leave out who has objected since it was last looked; whether that was done now.

        Raises:
            ContractError: the contract is not in force any more.
            SourceError: the member table or a list can't be read.
            DestinationError: a batch that may have arrived could only be sent again with those who object.
        """
        contract = self._session.accepted.active(self._order.contract, self._session.now())
        delivery, now = self._session.deliveries.get(contract.id, self._order.job), self._session.now().timestamp()
        if delivery is None or delivery.local or now - delivery.looked_at < LOOK_SECONDS:
            return False
        config = load_members_config(self._session.config_path)
        unsent, unclear = self._queue.batches, partial(self._queue.batches, BatchState.SENT)
        reasons = left_out_of(config, contract.consent, (batch.ids for batch in chain(unsent(), unclear())))
        for batch in unsent():
            if here := _places(batch, reasons):
                self._queue.withdraw(batch, here)
        for batch in unclear() if destination.keeps_keys else ():
            here = _places(batch, reasons)
            if here and not destination.takes_fewer:
                raise DestinationError(
                    "a batch that may have arrived has people who object by now, and would be sent again as it was",
                    hint="Look there, then: miyun delivery retry … --unclear arrived, or --unclear again without them",
                )
            if here:
                self._queue.shorten(batch, here)
        self._session.deliveries.looked(self._order, now, before=delivery.looked_at)
        return True

    def _is_too_late(self, queued: QueuedBatch) -> bool:
        """Leave out what was not sent before the segment ended; whether that was done now. What was is asked about.

        Raises:
            ContractError: a file would be made of it.
            DestinationError: the batch may have arrived before that, or not.
        """
        if queued.state is BatchState.WORKING or self._session.now() < self._order.ends:
            return False
        delivery = self._session.deliveries.get(self._order.contract, self._order.job)
        if delivery is None or delivery.local:
            raise ContractError(f"the segment “{self._order.segment}” has ended", hint="Create it anew.")
        if queued.state is BatchState.SENT:
            raise DestinationError(
                "the segment has ended, and a batch may have arrived before or not",
                hint="Look there, then: miyun delivery retry … --unclear arrived, or --unclear again to leave it out",
            )
        self._queue.withdraw(queued.batch, dict.fromkeys(range(len(queued.batch.ids)), ENDED))
        return True

    def _attempt(self, plan: ChannelPlan, destination: Destination[Any], queued: QueuedBatch) -> None:
        retry, batch = plan.config.retry, queued.batch
        if queued.attempts >= retry.attempts:
            raise DestinationError(
                f"the receiver did not take a batch in {queued.attempts} attempts",
                hint=f"See to it, then: miyun delivery retry {self._order.contract} {self._order.job}",
            )
        try:
            outcome = self._send(destination, queued)
        except UnavailableError as error:
            if queued.state is BatchState.WORKING:
                self._queue.work(batch, queued.handle, 0.0)
            elif error.untouched:
                self._queue.put_back(batch)
            self._fail(plan, error)
            raise
        if fault := outcome.fault(len(batch.ids)):
            raise DestinationError(f"the receiver's answer can't be right: {fault}", hint="Talk to its operator.")
        if self._session.deliveries.receiver(self._order.channel).failures:
            self._session.deliveries.note_receiver(self._order.channel, Receiver())
            self._session.deliveries.move(self._order, DeliveryState.SENDING)
        pause = self._session.now().timestamp() + back_off(retry, queued.attempts + 1)
        if outcome.handle:
            self._queue.work(batch, outcome.handle, pause)
        else:
            self._queue.settle(batch, outcome, pause)

    def _send(self, destination: Destination[Any], queued: QueuedBatch) -> BatchOutcome:
        batch = queued.batch
        if queued.state is BatchState.WORKING:
            return destination.poll(batch, queued.handle)
        if queued.state is BatchState.SENT and not destination.keeps_keys:
            raise DestinationError(
                "a batch may have arrived or not, and the receiver can't tell one that is sent again",
                hint="Look there, then: miyun delivery retry … --unclear again, or --unclear arrived",
            )
        if not self._queue.send(batch):
            return BatchOutcome()
        return destination.deliver(batch)

    def _fail(self, plan: ChannelPlan, error: UnavailableError) -> None:
        deliveries, channel = self._session.deliveries, self._order.channel
        failures = deliveries.receiver(channel).failures + 1
        wait = back_off(plan.config.retry, failures, asked=error.after_seconds)
        deliveries.note_receiver(
            channel, Receiver(failures=failures, not_before=self._session.now().timestamp() + wait)
        )
        deliveries.move(self._order, DeliveryState.SENDING, problem=error.message, hint=error.hint)

    def _complete(self, destination: Destination[Any]) -> None:
        delivery = self._session.deliveries.get(self._order.contract, self._order.job)
        if delivery is None:
            return
        path = destination.finish(delivery.batches)
        self._report()
        self._session.deliveries.move(self._order, DeliveryState.DONE, path=path)
        shutil.rmtree(work_folder(self._session, self._order), ignore_errors=True)

    def _halt(self, problem: str, hint: str) -> None:
        self._report()
        self._session.deliveries.move(self._order, DeliveryState.STOPPED, problem=problem, hint=hint)

    def _report(self) -> None:
        refused = self._session.deliveries.refusals(self._order)
        if not refused:
            return
        path = report_path(self._session, self._order)
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows([Refusal._fields, *map(_readable, refused)])
        make_private_folder(path.parent)
        write_private(path, text.getvalue().encode())


def _readable(refusal: Refusal) -> Refusal:
    """For a spreadsheet: codes and words are the receiver's. Ids are the party's own, and stay what they are."""
    return refusal._replace(code=as_cell(refusal.code), words=as_cell(refusal.words))


def _places(batch: Batch, reasons: Mapping[str, str]) -> dict[int, str]:
    """Where a batch has members for whom there is a reason."""
    return {place: reasons[member] for place, member in enumerate(batch.ids) if member in reasons}
