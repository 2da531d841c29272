"""Runs one file of unittest tests on MicroPython: `run.py tests/unit/core/test_frames.py`. Exit code 0: some ran, none failed."""

import sys
import unittest

folder, _, name = sys.argv[1].rpartition("/")
sys.path.insert(0, folder or ".")
sys.exit(0 if unittest.run(__import__(name[:-3])) else 1)
