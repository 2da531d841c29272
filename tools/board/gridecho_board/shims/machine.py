"""`machine` of a virtual board: resets and the watchdog are real; on pins and UARTs nothing is wired."""

import time

import board_link

PWRON_RESET = 1
HARD_RESET = 2
WDT_RESET = 3
DEEPSLEEP_RESET = 4
SOFT_RESET = 5


def reset():
    """Ends this run at once; the next one sees HARD_RESET."""
    board_link.ask("reset %d" % HARD_RESET)


def soft_reset():
    """As on a board: SystemExit, and the interpreter starts anew."""
    raise SystemExit


def reset_cause():
    """Why this run started."""
    return board_link.reset_cause


def unique_id():
    """Six bytes: the board's MAC."""
    return board_link.mac


def freq(hz=None):
    """160 MHz, whatever was set."""
    return 160_000_000 if hz is None else None


def idle():
    """Gives other processes a moment."""
    time.sleep(0)


def lightsleep(time_ms=0):
    """Sleeps and goes on."""
    time.sleep(time_ms / 1000)


def deepsleep(time_ms=0):
    """Sleeps, then starts anew with DEEPSLEEP_RESET."""
    time.sleep(time_ms / 1000)
    board_link.ask("reset %d" % DEEPSLEEP_RESET)


class WDT:
    """Unless fed within `timeout` ms the board starts anew with WDT_RESET; as on an ESP32 only a hard reset stops it."""

    def __init__(self, id=0, timeout=5000):
        if timeout <= 0:
            raise ValueError("timeout")
        self._timeout_ms = timeout
        self._tell()

    def feed(self):
        """Puts the end off by the timeout."""
        # Told at most 16 times a timeout: a loop may feed very often.
        if board_link.ticks_diff(board_link.ticks_ms(), self._told_ms) * 16 >= self._timeout_ms:
            self._tell()

    def _tell(self):
        self._told_ms = board_link.ticks_ms()
        board_link.tell("wdt %d" % (self._timeout_ms + self._timeout_ms // 16))


class Pin:
    """A pin that keeps what was written to it; an input reads its pull."""

    IN = 1
    OUT = 3
    OPEN_DRAIN = 7
    PULL_DOWN = 1
    PULL_UP = 2
    IRQ_RISING = 1
    IRQ_FALLING = 2

    def __init__(self, id, mode=-1, pull=-1, value=None):
        self._id = id
        self._value = 0
        self.init(mode, pull, value=value)

    def init(self, mode=-1, pull=-1, value=None):
        """Sets what is given."""
        if value is not None:
            self._value = 1 if value else 0
        elif pull in (self.PULL_DOWN, self.PULL_UP):
            self._value = 1 if pull == self.PULL_UP else 0

    def value(self, x=None):
        """Reads, or writes `x`."""
        if x is None:
            return self._value
        self._value = 1 if x else 0
        return None

    __call__ = value

    def on(self):
        """Writes 1."""
        self._value = 1

    def off(self):
        """Writes 0."""
        self._value = 0

    def irq(self, handler=None, trigger=3):
        """Takes a handler; no edge ever comes."""


class RTC:
    """The clock of the PC. Setting it moves what this class tells, not time.time()."""

    _offset_s = 0

    def datetime(self, set_to=None):
        """(year, month, day, weekday, hour, minute, second, microsecond) in UTC, or sets it."""
        if set_to is None:
            t = time.gmtime(int(time.time()) + RTC._offset_s)
            return (t[0], t[1], t[2], t[6], t[3], t[4], t[5], 0)
        y, mo, d, _, h, mi, s, _ = set_to
        RTC._offset_s = _days(y, mo, d) * 86400 + h * 3600 + mi * 60 + s - int(time.time())
        return None


def _days(year, month, day):
    """Days since 1970-01-01 in the Gregorian calendar: March-based years, so that leap days come last."""
    year -= month < 3
    march = (month + 9) % 12
    return year * 365 + year // 4 - year // 100 + year // 400 + (march * 153 + 2) // 5 + day - 719469


class UART:
    """A UART with nothing on its line: what is written goes nowhere, nothing comes in."""

    def __init__(self, id, baudrate=115200, **settings):
        self.init(baudrate, **settings)

    def init(self, baudrate=115200, **settings):
        """Takes every setting."""

    def deinit(self):
        """Nothing to give back."""

    def any(self):
        """Bytes to read: none."""
        return 0

    def read(self, nbytes=None):
        """None: the line is silent."""

    def readline(self):
        """None: the line is silent."""

    def readinto(self, buf, nbytes=None):
        """None: the line is silent."""

    def write(self, buf):
        """The number of bytes in `buf`."""
        return len(buf)

    def flush(self):
        """Returns at once."""

    def txdone(self):
        """True."""
        return True
