"""How many files a process may have open, and with them connections."""

import logging
import resource

log = logging.getLogger(__name__)


def connections_possible(wanted: int, others: int) -> int:
    """As many of the connections wanted, beside `others` open files, as the system allows: it is told to allow them."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    files = wanted + others
    allowed = files if hard == resource.RLIM_INFINITY else min(files, hard)
    if soft != resource.RLIM_INFINITY and soft < allowed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    if allowed < files:
        log.warning("few-files allowed=%d wanted=%d; fewer connections are held", allowed, files)
    return max(16, wanted - (files - allowed))
