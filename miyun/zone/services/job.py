"""JobService."""

import grpc

from miyun.transport.peer import current_peer
from miyun.wire.v1 import job_pb2 as wire
from miyun.wire.v1.job_pb2_grpc import JobServiceServicer
from miyun.zone.core import Core
from miyun.zone.operations import jobs
from miyun.zone.services.receipts import job_message


class JobService(JobServiceServicer):
    def __init__(self, core: Core) -> None:
        self._core = core

    def GetJob(self, request: wire.GetJobRequest, context: grpc.ServicerContext) -> wire.Job:
        caller, seconds = current_peer(context).name, request.wait_milliseconds / 1000
        return job_message(jobs.get_job(self._core, caller, request.contract, request.job, wait_seconds=seconds))

    def ListJobs(self, request: wire.ListJobsRequest, context: grpc.ServicerContext) -> wire.ListJobsResponse:
        found = jobs.list_jobs(
            self._core,
            current_peer(context).name,
            request.contract,
            state=request.state,
            limit=request.limit,
            before=request.before,
        )
        return wire.ListJobsResponse(jobs=[job_message(job) for job in found])
