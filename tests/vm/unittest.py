"""A small `unittest` for the MicroPython VM and for boards, which have none: what our core's tests use, with CPython's meaning."""

import gc
import sys

_PASSED, _SKIPPED, _FAILED, _ERROR = "ok", "skip", "FAIL", "ERROR"


class SkipTest(Exception):
    """The test does not apply here; the message says why."""


class _Raises:
    def __init__(self, expected) -> None:
        self._expected = expected
        self.exception = None

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace) -> bool:
        if error is None:
            raise AssertionError("%r was not raised" % (self._expected,))
        self.exception = error
        return isinstance(error, self._expected)


class _SubTest:
    def __init__(self, params) -> None:
        self._params = params

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace) -> bool:
        if error is not None and not isinstance(error, SkipTest):
            print("in subtest", self._params)
        return False


class TestCase:
    """A class whose methods named test* are run, each on an object of its own."""

    @classmethod
    def setUpClass(cls) -> None:
        pass

    def setUp(self) -> None:
        pass

    def tearDown(self) -> None:
        pass

    def fail(self, why="failed"):
        raise AssertionError(why)

    def skipTest(self, why):
        raise SkipTest(why)

    def subTest(self, *args, **params):
        return _SubTest((args, params))

    def assertEqual(self, a, b, why=""):
        if not a == b:
            self.fail("%r != %r %s" % (a, b, why))

    def assertNotEqual(self, a, b, why=""):
        if not a != b:
            self.fail("%r == %r %s" % (a, b, why))

    def assertTrue(self, a, why=""):
        if not a:
            self.fail("%r is not true %s" % (a, why))

    def assertFalse(self, a, why=""):
        if a:
            self.fail("%r is not false %s" % (a, why))

    def assertIs(self, a, b, why=""):
        if a is not b:
            self.fail("%r is not %r %s" % (a, b, why))

    def assertIsNone(self, a, why=""):
        if a is not None:
            self.fail("%r is not None %s" % (a, why))

    def assertIsNotNone(self, a, why=""):
        if a is None:
            self.fail("None %s" % why)

    def assertIn(self, a, b, why=""):
        if a not in b:
            self.fail("%r is not in %r %s" % (a, b, why))

    def assertNotIn(self, a, b, why=""):
        if a in b:
            self.fail("%r is in %r %s" % (a, b, why))

    def assertLess(self, a, b, why=""):
        if not a < b:
            self.fail("%r is not below %r %s" % (a, b, why))

    def assertLessEqual(self, a, b, why=""):
        if not a <= b:
            self.fail("%r is above %r %s" % (a, b, why))

    def assertGreater(self, a, b, why=""):
        if not a > b:
            self.fail("%r is not above %r %s" % (a, b, why))

    def assertGreaterEqual(self, a, b, why=""):
        if not a >= b:
            self.fail("%r is below %r %s" % (a, b, why))

    def assertRaises(self, expected, call=None, *args, **params):
        context = _Raises(expected)
        if call is None:
            return context
        with context:
            call(*args, **params)
        return None


def skip(why):
    """Decorates a test that is not run; `why` is printed."""

    def decorate(method):
        def skipped(self):
            raise SkipTest(why)

        return skipped

    return decorate


def skipIf(condition, why):
    """`skip(why)` where the condition holds."""
    return skip(why) if condition else (lambda method: method)


def skipUnless(condition, why):
    """`skip(why)` where the condition does not hold."""
    return skipIf(not condition, why)


def run(module) -> bool:
    """Runs every test of a module, in order of name; prints a line for each and the count. True if some ran and none failed."""
    outcomes = {_PASSED: 0, _SKIPPED: 0, _FAILED: 0, _ERROR: 0}
    for class_name in sorted(dir(module)):
        case = getattr(module, class_name)
        if not (isinstance(case, type) and issubclass(case, TestCase)) or case is TestCase:
            continue
        names = [name for name in sorted(dir(case)) if name.startswith("test")]
        if names:
            case.setUpClass()
        for name in names:
            gc.collect()  # what the test before left is not this one's
            outcome, why = _run_one(case(), name)
            outcomes[outcome] += 1
            print(outcome, class_name + "." + name, why)
    ran = outcomes[_PASSED] + outcomes[_FAILED] + outcomes[_ERROR]
    bad = outcomes[_FAILED] + outcomes[_ERROR]
    print("ran %d, bad %d, skipped %d" % (ran, bad, outcomes[_SKIPPED]))
    return ran > 0 and not bad


def _run_one(case, name) -> "tuple[str, str]":
    try:
        case.setUp()
        try:
            getattr(case, name)()
        finally:
            case.tearDown()
    except SkipTest as why:
        return _SKIPPED, str(why)
    except AssertionError as error:
        sys.print_exception(error)
        return _FAILED, ""
    except Exception as error:
        sys.print_exception(error)
        return _ERROR, ""
    return _PASSED, ""
