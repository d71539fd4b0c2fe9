"""``python -m miyun_cli`` is ``miyun``."""

from miyun_cli.main import main

main()
