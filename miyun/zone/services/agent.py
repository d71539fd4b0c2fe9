"""AgentService."""

import grpc

from miyun.segments.statements import Refusal
from miyun.transport.codec import from_wire, to_wire
from miyun.transport.peer import current_peer
from miyun.wire.v1 import agent_pb2 as wire
from miyun.wire.v1.activation_pb2 import ActivationRequest
from miyun.wire.v1.agent_pb2_grpc import AgentServiceServicer
from miyun.wire.v1.fusion_pb2 import FuseRequest
from miyun.wire.v1.insight_pb2 import InsightRequest, ReaderKey
from miyun.wire.v1.lookalike_pb2 import LookalikeRelease
from miyun.wire.v1.segment_pb2 import SegmentRequest
from miyun.wire.v1.two_party_pb2 import IntersectionRequest
from miyun.zone.core import Core
from miyun.zone.operations import tasks
from miyun.zone.operations.tasks import (
    DeliverTask,
    FuseTask,
    InsightTask,
    IntersectTask,
    LegTask,
    LookalikeTask,
    SuppressTask,
    Task,
)


class AgentService(AgentServiceServicer):
    def __init__(self, core: Core) -> None:
        self._core = core

    def NextTasks(self, request: wire.NextTasksRequest, context: grpc.ServicerContext) -> wire.NextTasksResponse:
        found, retry = tasks.next_tasks(self._core, current_peer(context).name, request.wait_seconds)
        return wire.NextTasksResponse(tasks=[_message(task) for task in found], retry_after_milliseconds=retry)

    def RefuseTask(self, request: wire.RefuseTaskRequest, context: grpc.ServicerContext) -> wire.RefuseTaskResponse:
        statement = from_wire(request.statement, Refusal)
        tasks.refuse_task(self._core, current_peer(context).name, statement, request.signature)
        return wire.RefuseTaskResponse()


def _message(task: Task) -> wire.Task:  # noqa: PLR0911
    job, signature = task.request.job, task.signature
    match task:
        case FuseTask():
            fuse = wire.FuseTask(request=to_wire(task.request, FuseRequest), signature=signature)
            return wire.Task(job=job, fuse=fuse)
        case LegTask():
            leg = wire.LegTask(
                request=to_wire(task.request, SegmentRequest),
                signature=signature,
                epoch=task.epoch,
                generation=task.generation,
                predicate=task.predicate,
                first=task.first,
                handles=task.handles,
            )
            return wire.Task(job=job, leg=leg)
        case SuppressTask():
            suppress = wire.SuppressTask(
                request=to_wire(task.request, ActivationRequest),
                signature=signature,
                epoch=task.epoch,
                handles=task.handles,
            )
            return wire.Task(job=job, suppress=suppress)
        case DeliverTask():
            deliver = wire.DeliverTask(request=to_wire(task.request, ActivationRequest), signature=signature)
            return wire.Task(job=job, deliver=deliver)
        case InsightTask():
            insight = wire.InsightTask(
                request=to_wire(task.request, InsightRequest),
                signature=signature,
                key=to_wire(task.key, ReaderKey),
                key_signature=task.key_signature,
                epoch=task.epoch,
                handles=task.handles,
            )
            return wire.Task(job=job, insight=insight)
        case IntersectTask():
            intersect = wire.IntersectTask(request=to_wire(task.request, IntersectionRequest), signature=signature)
            return wire.Task(job=job, intersect=intersect)
        case LookalikeTask():
            lookalike = wire.LookalikeTask(request=to_wire(task.request, LookalikeRelease), signature=signature)
            return wire.Task(job=job, lookalike=lookalike)
