"""What a DL/T 645 meter answers when it is asked."""

from tests.rigs.meter_frames import bcd, dlt645, identified

METER = "000000000161"
ANSWERS = {
    "00010000": ("00000026",),
    "00020000": None,
    "02030000": ("001000",),
    "02060000": ("0999",),
    "02800002": ("5000",),
    "02010100": ("2301",),
    "02020100": ("001234",),
}


def answer(request):
    """What a meter says that has everything but an export register."""
    data = bytes((byte - 0x33) & 255 for byte in request[14:-2])
    if request[12] == 0x13:
        return dlt645(bcd(METER), METER, 0x93)
    for identifier, digits in ANSWERS.items():
        if bcd(identifier) == data:
            return dlt645(b"\x02", METER, 0xD1) if digits is None else dlt645(identified(identifier, *digits), METER)
    raise ValueError(request)
