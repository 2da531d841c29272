"""What every parser must do with a stream, whatever its meter speaks: a mixin for its tests."""


class Streams:
    """Set `make` (a parser), `frame` (bytes), `values` (of that frame), `junk` (bytes that begin no frame)."""

    junk = b"\x00\xffjunk\x11\x99"

    def fed(self, data, step=None):
        """(readings, parser) after data in pieces of `step` bytes."""
        parser = self.make()
        readings = []
        step = step or max(1, len(data))
        for at in range(0, len(data), step):
            readings += parser.feed(data[at : at + step])
        return readings, parser

    def test_whole(self):
        readings, parser = self.fed(self.frame)
        self.assertEqual(readings, [self.values])
        self.assertEqual((parser.good, parser.bad, parser.noise), (1, 0, 0))

    def test_in_pieces(self):
        for step in (1, 2, 3, 7, 19):
            with self.subTest(step=step):
                readings, parser = self.fed(self.frame * 3, step)
                self.assertEqual(readings, [self.values] * 3)
                self.assertEqual((parser.good, parser.bad, parser.noise), (3, 0, 0))

    def test_a_memoryview_is_as_good(self):
        parser = self.make()
        self.assertEqual(parser.feed(memoryview(self.frame)), [self.values])

    def test_glued(self):
        readings, parser = self.fed(self.frame * 10)
        self.assertEqual(readings, [self.values] * 10)
        self.assertEqual((parser.good, parser.bad), (10, 0))

    def test_noise_is_counted_and_the_frame_after_it_is_read(self):
        for step in (1, None):
            readings, parser = self.fed(self.junk + self.frame + self.junk + self.frame, step)
            self.assertEqual(readings, [self.values] * 2)
            self.assertTrue(0 < parser.noise <= 2 * len(self.junk), parser.noise)

    def test_cut_anywhere_the_next_one_is_read(self):
        for cut in range(1, len(self.frame) - 1, max(1, len(self.frame) // 40)):
            readings, _parser = self.fed(self.frame[:cut] + self.frame * 2 + self.tail())
            self.assertEqual(readings, [self.values] * 2, cut)
            readings, _parser = self.fed(self.frame[cut:] + self.frame * 2)
            self.assertEqual(readings[-2:], [self.values] * 2, cut)

    def test_one_wrong_bit_anywhere_gives_no_other_value(self):
        for at in range(0, len(self.frame), max(1, len(self.frame) // 100)):
            for bit in (0, 3, 7):
                spoiled = bytearray(self.frame)
                spoiled[at] ^= 1 << bit
                readings, _parser = self.fed(bytes(spoiled) + self.frame + self.tail())
                for values in readings:
                    self.assertEqual(values, self.values, (at, bit))
                self.assertEqual(readings[-1], self.values, (at, bit))

    def test_endless_noise_does_not_grow(self):
        parser = self.make()
        held = len(parser._buffer)
        for i in range(40):
            self.assertEqual(parser.feed(bytes((i * 7 + j * 11) & 255 for j in range(200))), [])
        self.assertEqual(len(parser._buffer), held)
        parser.reset()
        self.assertEqual(parser.feed(self.frame), [self.values])

    def tail(self):
        """More frames, so that a length that was misread is filled up and found to be wrong."""
        return b""
