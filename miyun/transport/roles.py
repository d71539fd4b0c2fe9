"""Who may call what. A method that is not in the table is refused to everyone."""

from collections.abc import Mapping

from miyun.keys.home import Role

NOBODY: frozenset[Role] = frozenset()
PARTY = frozenset({Role.PARTY})
MEMBER = frozenset({Role.PARTY, Role.ANALYST})

METHOD_ROLES: Mapping[str, frozenset[Role]] = {
    "/miyun.wire.v1.ActivationService/GetAudience": PARTY,
    "/miyun.wire.v1.ActivationService/PutDelivery": PARTY,
    "/miyun.wire.v1.ActivationService/RequestActivation": PARTY,
    "/miyun.wire.v1.AgentService/NextTasks": PARTY,
    "/miyun.wire.v1.AgentService/RefuseTask": PARTY,
    "/miyun.wire.v1.AnswerService/Ask": NOBODY,  # only on a party's own answer server
    "/miyun.wire.v1.AuditService/ListEntries": PARTY,
    "/miyun.wire.v1.BudgetService/ListCharges": PARTY,
    "/miyun.wire.v1.BudgetService/PutCharges": PARTY,
    "/miyun.wire.v1.BudgetService/PutLease": PARTY,
    "/miyun.wire.v1.CatalogueService/GetSchema": PARTY,
    "/miyun.wire.v1.CatalogueService/PutSchema": PARTY,
    "/miyun.wire.v1.ContractService/Activate": PARTY,
    "/miyun.wire.v1.ContractService/Delegate": PARTY,
    "/miyun.wire.v1.ContractService/GetContract": PARTY,
    "/miyun.wire.v1.ContractService/ListContracts": PARTY,
    "/miyun.wire.v1.ContractService/Propose": PARTY,
    "/miyun.wire.v1.ContractService/Revoke": PARTY,
    "/miyun.wire.v1.ContractService/Sign": PARTY,
    "/miyun.wire.v1.DirectoryService/GetIdentity": MEMBER,
    "/miyun.wire.v1.EnrolmentService/Enrol": NOBODY,  # only on the enrolment port
    "/miyun.wire.v1.FusionService/Announce": PARTY,
    "/miyun.wire.v1.FusionService/GetAnnouncement": PARTY,
    "/miyun.wire.v1.FusionService/GetPoints": PARTY,
    "/miyun.wire.v1.FusionService/GetProgress": PARTY,
    "/miyun.wire.v1.FusionService/GetReport": PARTY,
    "/miyun.wire.v1.FusionService/PutRebinds": PARTY,
    "/miyun.wire.v1.FusionService/PutPoints": PARTY,
    "/miyun.wire.v1.FusionService/PutTokens": PARTY,
    "/miyun.wire.v1.FusionService/RequestFusion": PARTY,
    "/miyun.wire.v1.InsightService/AskOverlap": PARTY,
    "/miyun.wire.v1.InsightService/GetReaderKey": PARTY,
    "/miyun.wire.v1.InsightService/GetSelection": PARTY,
    "/miyun.wire.v1.InsightService/GetTotals": PARTY,
    "/miyun.wire.v1.InsightService/PutReaderKey": PARTY,
    "/miyun.wire.v1.InsightService/PutTotals": PARTY,
    "/miyun.wire.v1.InsightService/PutValues": PARTY,
    "/miyun.wire.v1.InsightService/QuoteInsight": PARTY,
    "/miyun.wire.v1.InsightService/RequestInsight": PARTY,
    "/miyun.wire.v1.IntersectionService/GetChunk": PARTY,
    "/miyun.wire.v1.IntersectionService/GetOpening": PARTY,
    "/miyun.wire.v1.IntersectionService/PutChunk": PARTY,
    "/miyun.wire.v1.IntersectionService/PutEnd": PARTY,
    "/miyun.wire.v1.IntersectionService/PutOpening": PARTY,
    "/miyun.wire.v1.IntersectionService/RequestIntersection": PARTY,
    "/miyun.wire.v1.JobService/GetJob": PARTY,
    "/miyun.wire.v1.JobService/ListJobs": PARTY,
    "/miyun.wire.v1.LookalikeService/GetWeights": PARTY,
    "/miyun.wire.v1.LookalikeService/ListLookalikes": PARTY,
    "/miyun.wire.v1.LookalikeService/PutReceived": PARTY,
    "/miyun.wire.v1.LookalikeService/PutWeights": PARTY,
    "/miyun.wire.v1.LookalikeService/ReleaseLookalike": PARTY,
    "/miyun.wire.v1.SegmentService/ChangeSegment": PARTY,
    "/miyun.wire.v1.SegmentService/CreateSegment": PARTY,
    "/miyun.wire.v1.SegmentService/GetSegment": PARTY,
    "/miyun.wire.v1.SegmentService/ListSegments": PARTY,
    "/miyun.wire.v1.SegmentService/ListVersions": PARTY,
    "/miyun.wire.v1.SegmentService/PutLeg": PARTY,
    "/miyun.wire.v1.SizeService/AskSize": MEMBER,
    "/miyun.wire.v1.SizeService/QuoteSize": MEMBER,
    "/grpc.health.v1.Health/Check": MEMBER,
    "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo": MEMBER,
}
