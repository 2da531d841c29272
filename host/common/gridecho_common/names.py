"""Looking up a host's name within a time: the system's own look-up may take minutes, and cannot be ended."""

import socket
import threading
from ipaddress import ip_address

_MOST = 16  # look-ups that nobody waits for any more are under way still; each is a thread
_room = threading.Semaphore(_MOST)


def addresses_of(name: str, wait_s: float) -> list[str]:
    """The numbers of a host, each once, in the system's order. Raises OSError, also where that takes too long or too many wait."""
    if _is_number(name):
        return [name]
    if wait_s <= 0 or not _room.acquire(blocking=False):
        raise TimeoutError("no time for a look-up, or too many are under way")
    found: list[str] = []
    failed: list[Exception] = []

    def look_up() -> None:
        try:
            found.extend(str(place[0]) for *_, place in socket.getaddrinfo(name, None, type=socket.SOCK_STREAM))
        except (OSError, UnicodeError) as error:
            failed.append(error)
        finally:
            _room.release()

    thread = threading.Thread(target=look_up, name="look-up", daemon=True)
    thread.start()
    thread.join(wait_s)
    if thread.is_alive():
        raise TimeoutError("the look-up takes too long")
    if failed:
        raise OSError(f"no address: {failed[0]}") from failed[0]
    return list(dict.fromkeys(found))


def _is_number(name: str) -> bool:
    try:
        ip_address(name.partition("%")[0])
    except ValueError:
        return False
    return True
