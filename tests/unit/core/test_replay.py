"""Which seqs were seen: SeqRuns against a plain set, gaps against counting, and what is forgotten when there are too many runs."""

import random
import unittest

from gridecho.replay import SeqRuns


def gaps_of(seen):
    missing = sorted(set(range(max(seen))) - seen) if seen else []
    gaps = []
    for seq in missing:
        if gaps and gaps[-1][1] == seq - 1:
            gaps[-1] = (gaps[-1][0], seq)
        else:
            gaps.append((seq, seq))
    return gaps


class Runs(unittest.TestCase):
    def test_joins_left_right_and_both(self):
        runs = SeqRuns()
        for seq, new, after in (
            (5, True, [[5, 5]]),
            (5, False, [[5, 5]]),
            (6, True, [[5, 6]]),
            (4, True, [[4, 6]]),
            (9, True, [[4, 6], [9, 9]]),
            (8, True, [[4, 6], [8, 9]]),
            (7, True, [[4, 9]]),
            (0, True, [[0, 0], [4, 9]]),
            (6, False, [[0, 0], [4, 9]]),
        ):
            self.assertEqual(runs.add(seq), new)
            self.assertEqual(runs.runs, after)
        self.assertEqual(runs.gaps(), [(1, 3)])

    def test_nothing_seen(self):
        self.assertFalse(0 in SeqRuns())
        self.assertEqual(SeqRuns().gaps(), [])

    def test_the_last_seq_of_all(self):
        runs = SeqRuns()
        self.assertTrue(runs.add((1 << 32) - 1))
        self.assertTrue(runs.add(0))
        self.assertFalse(runs.add((1 << 32) - 1))
        self.assertEqual(runs.gaps(), [(1, (1 << 32) - 2)])

    def test_as_a_set(self):
        for _ in range(8):
            runs, seen = SeqRuns(), set()
            for _ in range(150):
                seq = random.randrange(180)
                self.assertEqual(seq in runs, seq in seen)
                self.assertEqual(runs.add(seq), seq not in seen)
                seen.add(seq)
            self.assertEqual({seq for first, last in runs.runs for seq in range(first, last + 1)}, seen)
            self.assertEqual(runs.gaps(), gaps_of(seen))

    def test_goes_on_from_kept_runs(self):
        runs = SeqRuns(runs=[[0, 3], [6, 7]])
        self.assertTrue(3 in runs)
        self.assertTrue(runs.add(4))
        self.assertEqual(runs.runs, [[0, 4], [6, 7]])

    def test_too_many_runs_forget_the_lowest(self):
        runs = SeqRuns(max_runs=3)
        for seq in (0, 2, 4):
            runs.add(seq)
        self.assertTrue(runs.add(6))
        self.assertEqual(runs.runs, [[2, 2], [4, 4], [6, 6]])
        self.assertTrue(runs.add(0), "what was forgotten counts as new")

    def test_what_was_not_added_is_never_seen(self):
        # Forgetting may take a seq for new twice. It must never take a new one for seen: that one would be dropped.
        for most in (1, 2, 5):
            runs, seen = SeqRuns(max_runs=most), set()
            for _ in range(300):
                seq = random.randrange(200)
                self.assertTrue(seq not in runs or seq in seen)
                if not runs.add(seq):
                    self.assertTrue(seq in seen)
                seen.add(seq)
                self.assertLessEqual(len(runs.runs), most)

    def test_growing_seqs_stay_one_run(self):
        runs = SeqRuns(max_runs=1)
        for seq in range(1000):
            self.assertTrue(runs.add(seq))
        self.assertEqual(runs.runs, [[0, 999]])
