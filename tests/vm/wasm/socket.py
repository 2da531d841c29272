"""In place of `socket`, which MicroPython's WebAssembly build lacks: there is no network, and it says so as a system does."""

from errno import ENODEV

AF_INET, AF_INET6, SOCK_DGRAM = 2, 10, 2


def getaddrinfo(*where):
    raise OSError(ENODEV)


def socket(*kind):
    raise OSError(ENODEV)
