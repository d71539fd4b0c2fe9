"""DuckDB within bounds: little memory, two threads, temporary files in the owner's own folder."""

from pathlib import Path

THREADS = 2


def limits(memory_mib: int, spill: Path) -> dict[str, str | bool | int | float | list[str]]:
    """What to connect with. ``spill`` is where data goes beyond ``memory_mib``; insertion order is kept."""
    return {
        "memory_limit": f"{memory_mib}MiB",
        "threads": THREADS,
        "temp_directory": str(spill),
        "autoinstall_known_extensions": False,
        "preserve_insertion_order": True,
    }


def private_folder(path: Path) -> Path:
    """The folder, made with mode 0700 if it isn't there."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path


def literal(path: Path) -> str:
    """The path as an SQL string, for statements that take no parameters."""
    return "'" + str(path).replace("'", "''") + "'"
