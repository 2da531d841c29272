"""`machine` of a virtual board: resets and the watchdog are real; on pins and UARTs is what the board was told to wire there."""

import _thread
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
    """A pin that keeps what was written to it; an input reads its pull, or the level that its wire sent last: bytes "0" and "1"."""

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
        self._handler = None
        self._trigger = 0
        self._wire = None
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
        """Calls `handler(pin)` at the edges of its wire; None ends that."""
        self._handler, self._trigger = handler, trigger
        if handler is not None and self._wire is None:
            self._wire = board_link.wire("pin%d" % self._id)
            if self._wire is not None:
                _thread.start_new_thread(self._follow, ())

    def _follow(self):
        while True:
            levels = self._wire.recv(1)
            if not levels:
                return
            before, self._value = self._value, int(levels)
            edge = self._value - before
            wanted = self._trigger & (self.IRQ_RISING if edge > 0 else self.IRQ_FALLING)
            if edge and wanted and self._handler is not None:
                self._handler(self)


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
    """A UART whose line is a socket to what is wired there, or silent: then what is written goes nowhere."""

    INV_TX = 32
    INV_RX = 4

    def __init__(self, id, baudrate=115200, **settings):
        self._wire = board_link.wire("uart%d" % id)
        if self._wire is not None:
            self._wire.setblocking(False)
        self._heard = bytearray()
        self._room = 256
        self.init(baudrate, **settings)

    def init(self, baudrate=115200, rxbuf=256, **settings):
        """Takes every setting; of `rxbuf` bytes that nobody reads the later ones are lost."""
        self._room = rxbuf

    def deinit(self):
        """Hangs up."""
        if self._wire is not None:
            self._wire.close()
            self._wire = None

    def any(self):
        """Bytes to read."""
        while self._wire is not None:
            try:
                heard = self._wire.recv(1024)
            except OSError:
                break
            if not heard:
                break
            self._heard.extend(heard[: self._room - len(self._heard)])
        return len(self._heard)

    def read(self, nbytes=None):
        """What came, at most `nbytes`; None if nothing did."""
        if not self.any():
            return None
        count = len(self._heard) if nbytes is None else nbytes
        data = bytes(self._heard[:count])
        self._heard = self._heard[count:]
        return data

    def readline(self):
        """What came up to a newline, or all of it."""
        return self.read(self._heard.find(b"\n") + 1 or None) if self.any() else None

    def readinto(self, buf, nbytes=None):
        """How many bytes it put into `buf`; None if nothing came."""
        data = self.read(len(buf) if nbytes is None else min(nbytes, len(buf)))
        if data is None:
            return None
        buf[: len(data)] = data
        return len(data)

    def write(self, buf):
        """The number of bytes in `buf`."""
        if self._wire is not None:
            try:  # noqa: SIM105  # no contextlib on a board
                self._wire.send(buf)
            except OSError:
                pass
        return len(buf)

    def flush(self):
        """Returns at once."""

    def txdone(self):
        """True."""
        return True
