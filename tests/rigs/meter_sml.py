"""An SML file of a meter, and the units and registers in it."""

from tests.rigs.meter_frames import entry, integer, octets, sml

WH, W, V, A, HZ = 30, 27, 35, 33, 44
IMPORT, EXPORT, TOTAL, POWER = (1, 0, 1, 8, 0), (1, 0, 2, 8, 0), (1, 0, 16, 7, 0), (1, 0, 1, 7, 0)
FRAME = sml(
    entry((129, 129, 199, 130, 3), None, None, octets(b"EMH")),
    entry((1, 0, 0, 0, 9), None, None, octets(b"\x06EMH\x01\x02\x03")),
    entry(IMPORT, WH, -1, integer(82_464_108, 5, True), status=integer(0x182, 2, False)),
    entry((1, 0, 1, 8, 1), WH, -1, integer(82_464_107, 5, True)),
    entry(EXPORT, WH, -1, integer(14, 8, False)),
    entry(TOTAL, W, -1, integer(-4206, 4, True)),
)
