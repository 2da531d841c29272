"""Firmware sets: fed whole, byte by byte, cut, with a tail: the same files or a ProtocolError; no path leads elsewhere."""

import random
import unittest
from hashlib import sha256

from gridecho.errors import CodecError, MisuseError, ProtocolError
from gridecho.fileset import MAX_FILE_BYTES, SetReader, pack_set, path_problem

FILES = {
    "lib/gridecho/__init__.py": b"",
    "lib/gridecho/siv.mpy": b"M\x06\x00\x1f" + bytes(range(256)),
    "lib/gridecho_node/meters/sml.mpy": b"one",
    "lib/gridecho_node/zero.py": b"x = 0\n",
}


class Sink:
    def __init__(self):
        self.files = {}
        self.whole = []
        self._path = None

    def begin(self, path, length):
        self._path, self._length = path, length
        self.files[path] = b""

    def write(self, data):
        self.files[self._path] += data

    def end(self, digest):
        content = self.files[self._path]
        assert len(content) == self._length and sha256(content).digest() == digest
        self.whole.append(self._path)


def read(packed, step):
    sink = Sink()
    reader = SetReader(sink)
    for at in range(0, len(packed), step):
        reader.feed(packed[at : at + step])
    return sink, reader


def raw(*files):
    """A set without any check."""
    out = b"GEF\x01" + len(files).to_bytes(2, "big")
    for path, content in files:
        out += bytes((len(path),)) + path + len(content).to_bytes(4, "big") + sha256(content).digest() + content
    return out


class Sets(unittest.TestCase):
    def test_layout(self):
        self.assertEqual(pack_set(FILES), raw(*[(path.encode(), FILES[path]) for path in sorted(FILES)]))

    def test_fed_in_steps_of_every_length(self):
        packed = pack_set(FILES)
        for step in (1, 2, 3, 7, 36, 37, 64, 255, 1024, len(packed)):
            sink, reader = read(packed, step)
            self.assertTrue(reader.done())
            self.assertEqual(sink.files, FILES)
            self.assertEqual(sink.whole, sorted(FILES))
            self.assertEqual(reader.files, len(FILES))

    def test_every_cut_is_not_done(self):
        packed = pack_set(FILES)
        for length in range(len(packed)):
            self.assertFalse(read(packed[:length], 50)[1].done())

    def test_a_tail(self):
        packed = pack_set(FILES)
        for step in (1, 1000):
            with self.assertRaises(CodecError):
                read(packed + b"\x00", step)

    def test_a_byte_changed_is_never_another_set(self):
        packed = pack_set(FILES)
        for at in range(len(packed)):
            changed = bytearray(packed)
            changed[at] ^= 0x01
            try:
                sink, reader = read(bytes(changed), 100)
            except CodecError:
                continue
            # Paths are not hashed here (the order's SHA-256 is over all): then a name differs.
            if reader.done():
                self.assertEqual(sorted(sink.files.values()), sorted(FILES.values()))

    def test_junk_raises_protocol_errors_only(self):
        random.seed(12)
        packed = pack_set(FILES)
        for _ in range(400):
            data = bytearray(packed[: random.randrange(len(packed) + 1)])
            for _ in range(random.randrange(4)):
                if data:
                    data[random.randrange(len(data))] = random.getrandbits(8)
            try:
                read(bytes(data), random.randrange(1, 300))
            except ProtocolError:
                pass


class Refused(unittest.TestCase):
    def refuse(self, packed):
        with self.assertRaises(CodecError):
            read(packed, len(packed))

    def test_paths(self):
        bad = (
            "boot.py",
            "key",
            "/lib/gridecho/siv.mpy",
            "lib/gridecho/../../key.py",
            "lib/gridecho/..",
            "lib/gridecho/../x.py",
            "lib/gridecho/./x.py",
            "lib/gridecho//x.py",
            "lib/gridecho/.py",
            "lib/gridecho/.mpy",
            "lib/gridecho/x.py/",
            "lib/gridecho/x.py.mpy",
            "lib/gridecho/x.d/y.py",
            "lib/gridecho/x.txt",
            "lib/gridecho/x",
            "lib/gridecho/x\\y.py",
            "lib/gridecho/x y.py",
            "lib/gridecho/x\x00y.py",
            "lib/gridecho/\u00e4.py",
            "lib/other/x.py",
            "lib/gridecho.py",
            "lib_b/gridecho/x.py",
            "lib/gridecho/" + "x" * 60 + ".py",
            "",
        )
        for path in bad:
            with self.subTest(path=path):
                self.assertNotEqual(path_problem(path), None)
                with self.assertRaises(MisuseError):
                    pack_set({path: b"x"})
                self.refuse(raw((path.encode(), b"x")))
        self.refuse(raw((b"lib/gridecho/\xff.py", b"x")))
        for path in FILES:
            self.assertEqual(path_problem(path), None)

    def test_order_and_doubles(self):
        a, b = (b"lib/gridecho/a.py", b"1"), (b"lib/gridecho/b.py", b"2")
        self.refuse(raw(b, a))
        self.refuse(raw(a, a))
        self.assertTrue(read(raw(a, b), 9)[1].done())

    def test_counts_sizes_and_hashes(self):
        self.refuse(b"GEF\x01\x00\x00")
        self.refuse(b"GEF\x01\x01\x00")
        self.refuse(b"GEF\x02\x00\x01")
        packed = raw((b"lib/gridecho/a.py", b"1"))
        self.refuse(packed[:-1] + b"2")
        at = 6 + 1 + 17
        self.refuse(packed[:at] + (MAX_FILE_BYTES + 1).to_bytes(4, "big") + packed[at + 4 :])
        for files in ({}, {"lib/gridecho/a.py": bytes(MAX_FILE_BYTES + 1)}):
            with self.assertRaises(MisuseError):
                pack_set(files)
