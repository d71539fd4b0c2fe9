"""The table of who may call what covers every method there is, and gives analysts no more than sizes."""

import importlib
import pkgutil

from google.protobuf import descriptor_pool

import miyun.wire.v1
from miyun.keys.home import Role
from miyun.transport.roles import METHOD_ROLES


def all_methods() -> set[str]:
    methods = set()
    for module in pkgutil.iter_modules(miyun.wire.v1.__path__):
        if module.name.endswith("_pb2"):
            importlib.import_module(f"miyun.wire.v1.{module.name}")
            file = descriptor_pool.Default().FindFileByName(f"miyun/wire/v1/{module.name.removesuffix('_pb2')}.proto")
            for service in file.services_by_name.values():
                methods |= {f"/{service.full_name}/{method.name}" for method in service.methods}
    return methods


def test_every_method_is_in_the_table() -> None:
    assert len(all_methods()) > 30
    assert {method for method in METHOD_ROLES if method.startswith("/miyun.")} == all_methods()


def test_an_analyst_may_ask_for_sizes_and_keys_and_nothing_else() -> None:
    allowed = {method for method, roles in METHOD_ROLES.items() if Role.ANALYST in roles}

    assert allowed == {
        "/miyun.wire.v1.SizeService/AskSize",
        "/miyun.wire.v1.SizeService/QuoteSize",
        "/miyun.wire.v1.DirectoryService/GetIdentity",
        "/grpc.health.v1.Health/Check",
        "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
    }


def test_nobody_enrols_on_the_members_port_and_no_zone_calls_a_zone() -> None:
    assert METHOD_ROLES["/miyun.wire.v1.EnrolmentService/Enrol"] == frozenset()
    assert not any(Role.ZONE in roles for roles in METHOD_ROLES.values())
