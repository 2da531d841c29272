"""Builds what meters send, for the tests; by the bit and apart from the firmware's own code, on both runtimes."""


def crc16(data, polynomial, crc):
    """A reflected CRC, bit by bit."""
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ polynomial if crc & 1 else crc >> 1
    return crc


def arc(data):
    return crc16(data, 0xA001, 0)


def modbus(data):
    return crc16(data, 0xA001, 0xFFFF)


def x25(data):
    return crc16(data, 0x8408, 0xFFFF) ^ 0xFFFF


def kermit(data):
    return crc16(data, 0x8408, 0)


def little(number):
    return bytes((number & 255, number >> 8))


def big(number):
    return bytes((number >> 8, number & 255))


# --- DSMR ---


def telegram(lines, head="/KFM5KAIFA-METER", crc=True):
    """A P1 telegram of these lines."""
    body = (head + "\r\n\r\n" + "".join(line + "\r\n" for line in lines) + "!").encode()
    return body + (b"%04X\r\n" % arc(body) if crc else b"\r\n")


# --- SML ---


def octets(data):
    return type_length(0, len(data)) + data


def type_length(kind, length):
    """A type-length field; for all but lists the length counts the field itself."""
    size = 1
    while True:
        total = length if kind == 7 else length + size
        if total < 16**size:
            break
        size += 1
    fields = []
    for i in range(size):
        nibble = total >> 4 * (size - 1 - i) & 15
        fields.append((0x80 if i < size - 1 else 0) | (kind << 4 if i == 0 else 0) | nibble)
    return bytes(fields)


def integer(number, size, signed):
    if number < 0:
        number += 1 << 8 * size
    return type_length(5 if signed else 6, size) + number.to_bytes(size, "big")


def sequence(*items):
    return type_length(7, len(items)) + b"".join(items)


NONE = b"\x01"
SERVER = b"\x0a\x01ESY\x00\x00\x12\x34\x56"


def server(maker):
    return SERVER.replace(b"ESY", maker)


def entry(register, unit, scaler, value, status=NONE):
    """An entry of a value list; `value` is encoded already, group F of the register is 255 where it is left out."""
    return sequence(
        octets(bytes(register) + (b"" if len(register) == 6 else b"\xff")),
        status,
        NONE,
        NONE if unit is None else integer(unit, 1, False),
        NONE if scaler is None else integer(scaler, 1, True),
        value,
        NONE,
    )


def sml_message(number, tag, body, crc=x25):
    head = octets(b"\x00\x01" + bytes((number,))) + integer(0, 1, False) + integer(0, 1, False)
    content = type_length(7, 6) + head + sequence(integer(tag, 2, False), body)
    crc = crc(content)
    return content + integer((crc & 255) << 8 | crc >> 8, 2, False) + b"\x00"


def sml(*entries, maker=b"ESY", crc=x25, order=little):
    """A file: open, a value list of these entries, close."""
    meter = octets(server(maker))
    opening = sequence(NONE, NONE, octets(b"\x00\x01"), meter, NONE, NONE)
    time = sequence(integer(1, 1, False), integer(123_456, 4, False))
    values = type_length(7, len(entries)) + b"".join(entries)
    listing = sequence(NONE, meter, octets(b"\x01\x00\x62\x0a\xff\xff"), time, values, NONE, NONE)
    messages = sml_message(0, 0x0101, opening, crc) + sml_message(1, 0x0701, listing, crc)
    return sml_file(messages + sml_message(2, 0x0201, sequence(NONE), crc), crc, order)


def sml_file(messages, crc=x25, order=little):
    """The transport around messages: escapes, fill, CRC."""
    fill = -len(messages) % 4
    content = messages.replace(b"\x1b" * 4, b"\x1b" * 8) + bytes(fill)
    body = b"\x1b" * 4 + b"\x01" * 4 + content + b"\x1b" * 4 + bytes((0x1A, fill))
    return body + order(crc(body))


# --- HAN ---


def hdlc(information, source=b"\x83", destination=b"\x41"):
    """An HDLC frame of type 3 with both checks."""
    length = 2 + len(destination) + len(source) + 1 + 2 + len(information) + 2
    head = bytes((0xA0 | length >> 8, length & 255)) + destination + source + b"\x13"
    body = head + little(x25(head)) + information
    return b"\x7e" + body + little(x25(body)) + b"\x7e"


TIME = b"\x07\xe1\x0a\x14\x05\x03\x2b\x1e\xff\x80\x00\x00"


def notification(values, time=b"\x00"):
    """An LLC PDU with a data notification."""
    return b"\xe6\xe7\x00\x0f\x40\x00\x00\x00" + time + values


def text(kind, content):
    return bytes((kind, len(content))) + content


def obis(b, c, d):
    return text(9, bytes((1, b, c, d, 0, 255)))


def unsigned(number):
    return b"\x06" + number.to_bytes(4, "big")


def short(number, signed=False):
    return (b"\x10" if signed else b"\x12") + (number & 0xFFFF).to_bytes(2, "big")


def aidon(*rows):
    """A list of (C, D, value encoded, scaler, unit)."""
    items = []
    for c, d, value, scaler, unit in rows:
        items.append(b"\x02\x03" + obis(0, c, d) + value + b"\x02\x02\x0f" + bytes((scaler & 255, 0x16, unit)))
    return hdlc(notification(b"\x01" + bytes((len(items),)) + b"".join(items)))


def kamstrup(rows, meter_type=b"6861111BN242101040", extra=()):
    """A list of (C, D, value encoded)."""
    items = [text(10, b"Kamstrup_V0001"), obis(1, 96, 1), text(10, meter_type)]
    for c, d, value in rows:
        items += [obis(1, c, d), value]
    items += extra
    return hdlc(notification(b"\x02" + bytes((len(items),)) + b"".join(items), b"\x0c" + TIME))


def kaifa(*values):
    """A list without names."""
    return hdlc(notification(b"\x02" + bytes((len(values),)) + b"".join(values), b"\x09\x0c" + TIME))


# --- DL/T 645 ---


def bcd(digits):
    """Pairs of digits, the last pair first."""
    return bytes(int(digits[i : i + 2], 16) for i in range(len(digits) - 2, -2, -2))


def dlt645(data, address="000000000161", control=0x91, preamble=4):
    """A frame; `data` as the meter means it, without the 33H."""
    body = b"\x68" + bcd(address) + b"\x68" + bytes((control, len(data)))
    body += bytes((byte + 0x33) & 255 for byte in data)
    return b"\xfe" * preamble + body + bytes((sum(body) & 255, 0x16))


def identified(identifier, *digits):
    """Data of a reply: the identifier, then values as strings of digits."""
    return bcd(identifier) + b"".join(bcd(one) for one in digits)


# --- PZEM ---


def pzem(voltage, current, power, energy, frequency, factor, alarm=0, address=1):
    """A reply, from the numbers in the registers' own steps."""
    words = (voltage, current, current >> 16, power, power >> 16, energy, energy >> 16, frequency, factor, alarm)
    body = bytes((address, 4, 20)) + b"".join(bytes((word >> 8 & 255, word & 255)) for word in words)
    return body + little(modbus(body))
