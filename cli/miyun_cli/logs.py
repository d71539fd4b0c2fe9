"""Where logs go: standard error, one JSON object per line; standard output is for results.

Tracebacks come without the values of variables, among which there could be keys and members.
"""

import logging
import sys

import structlog
from structlog.tracebacks import ExceptionDictTransformer


def log_to_stderr(*, verbose: bool) -> None:
    """Log from now on; warnings and worse only, unless ``verbose``."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.ExceptionRenderer(ExceptionDictTransformer(show_locals=False)),
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO if verbose else logging.WARNING),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
