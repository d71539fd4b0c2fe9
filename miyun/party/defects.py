"""Defects in an agent's log: where they came up, and nothing of what they say, as that may hold rows."""

import logging
import traceback
from pathlib import Path


def log_defect(log: logging.Logger, what: str, error: Exception) -> None:
    """Log the error's type, and the lines that it came through, the innermost first."""
    lines = [f"{Path(frame.filename).name}:{frame.lineno}" for frame in traceback.extract_tb(error.__traceback__)]
    log.error("%s failed: %s at %s", what, type(error).__name__, " < ".join(reversed(lines)))
