"""The command ``miyun``."""


def main() -> None:
    """Run the command line."""
