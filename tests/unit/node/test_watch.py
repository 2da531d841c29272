"""A network that carries nothing: when it is joined anew, when the board restarts, and that a quiet sensor does neither."""

import unittest

from gridecho_node.watch import REJOIN, RESTART, Watch

SECOND_US = 1_000_000


class Silence(unittest.TestCase):
    def run_for(self, silent_s):
        """(second, what) of everything that is due while the silence grows."""
        watch = Watch(120 * SECOND_US)
        done = []
        for second in range(silent_s):
            what = watch.due(second * SECOND_US)
            if what is not None:
                done.append((second, what))
                if what == RESTART:
                    break
        return done, watch

    def test_rejoins_seldomer_and_restarts_in_the_end(self):
        done, watch = self.run_for(8 * 3600)
        self.assertEqual(done[:4], [(120, REJOIN), (240, REJOIN), (480, REJOIN), (960, REJOIN)])
        self.assertEqual(done[-1], (6 * 3600, RESTART))
        gaps = [done[i + 1][0] - done[i][0] for i in range(len(done) - 2)]
        self.assertLessEqual(max(gaps), 3600)
        self.assertEqual(watch.rejoins, len(done) - 1)

    def test_an_answer_begins_anew(self):
        watch = Watch(120 * SECOND_US)
        self.assertEqual(watch.due(130 * SECOND_US), REJOIN)
        self.assertEqual(watch.due(131 * SECOND_US), None)
        self.assertEqual(watch.due(0), None)
        self.assertEqual(watch.due(119 * SECOND_US), None)
        self.assertEqual(watch.due(120 * SECOND_US), REJOIN)

    def test_no_silence_no_deed(self):
        watch = Watch(120 * SECOND_US)
        for _ in range(1000):
            self.assertEqual(watch.due(0), None)

    def test_a_radio_that_fails_is_tried_soon_and_then_seldomer(self):
        watch = Watch(120 * SECOND_US)
        watch.failed(0)
        tried = []
        for second in range(3600):
            if watch.due(0, second * SECOND_US) == REJOIN:
                tried.append(second)
                watch.failed(second * SECOND_US)
        self.assertEqual(tried, [5, 15, 35, 75, 155, 315, 635, 1235, 1835, 2435, 3035])
        watch.works()
        self.assertIsNone(watch.due(0, 9999 * SECOND_US))
        watch.failed(10_000 * SECOND_US)
        self.assertEqual(watch.due(0, 10_005 * SECOND_US), REJOIN)


if __name__ == "__main__":
    unittest.main()
