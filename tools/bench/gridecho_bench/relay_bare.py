"""The limit: how fast Python takes datagrams and answers them if it does nothing else. A process: `python -m ...`.

As a relay does, it waits in epoll, drains up to 512 datagrams and answers each with 36 bytes; it checks nothing and keeps
nothing. It prints its port, and ends with its standard input.
"""

import selectors
import socket
import sys

_DRAIN = 512
_REPLY_BYTES = 36


def main() -> None:
    """Serves until standard input ends."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock, selectors.DefaultSelector() as selector:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        sock.bind(("127.0.0.1", 0))
        sock.setblocking(False)
        print(sock.getsockname()[1], flush=True)
        selector.register(sock, selectors.EVENT_READ)
        selector.register(sys.stdin, selectors.EVENT_READ)
        receive, send = sock.recvfrom, sock.sendto
        while True:
            ready = selector.select()
            try:
                for _ in range(_DRAIN):
                    datagram, sender = receive(1201)
                    send(datagram[:_REPLY_BYTES], sender)
            except OSError:  # nothing more is there, or a generator is gone
                pass
            if any(key.fileobj is sys.stdin for key, _ in ready):
                return


if __name__ == "__main__":
    main()
