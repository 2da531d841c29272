"""The reflected 16-bit CRCs of meters, four bits at a time: a table of 16 numbers is enough for a board."""


def table(polynomial: int) -> "tuple[int, ...]":
    """The table of a reflected polynomial."""
    rows = []
    for row in range(16):
        for _ in range(4):
            row = (row >> 1) ^ (polynomial if row & 1 else 0)
        rows.append(row)
    return tuple(rows)


ARC = table(0xA001)  # DSMR P1 starts at 0, Modbus at FFFF
X25 = table(0x8408)  # SML and HDLC: starts at FFFF, and the result is inverted


def crc16(rows: "tuple[int, ...]", crc: int, data: "bytes | bytearray", start: int, end: int) -> int:
    """The CRC `crc` carried on over data[start:end]."""
    for i in range(start, end):
        crc ^= data[i]
        crc = (crc >> 4) ^ rows[crc & 15]
        crc = (crc >> 4) ^ rows[crc & 15]
    return crc


def x25(data: "bytes | bytearray", start: int, end: int) -> int:
    """CRC-16/X.25 of data[start:end]."""
    return crc16(X25, 0xFFFF, data, start, end) ^ 0xFFFF
