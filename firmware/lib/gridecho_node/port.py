"""The serial port while the sensor runs: prints what it says, keeps the last lines of trouble, takes what a technician types."""

import select
import sys

from gridecho.compat import const

TYPE_CHECKING = const(0)  # the board has no typing
if TYPE_CHECKING:
    from .sensor import Sensor

# What mpremote's exec reaches by way of `console`: it runs in the interpreter's own scope, where nobody could hand it the sensor.
running: "list[tuple[Sensor, Port]]" = []

_LINE_CHARACTERS = const(40)
_LOG_LINES = const(16)


class Port:
    """`trouble` are the words of lines that the log keeps."""

    def __init__(self, trouble: "tuple[str, ...]") -> None:
        self.log: list[str] = []
        self._trouble = trouble
        self._typed = ""
        self._poll = select.poll()
        try:
            self._poll.register(sys.stdin, select.POLLIN)
        except (OSError, ValueError):
            pass  # nobody can type here

    def say(self, line: str) -> None:
        """One line to the port, and to the log if it tells of trouble."""
        print(line)
        if line.split(" ")[0] in self._trouble:
            self.log.append(line)
            if len(self.log) > _LOG_LINES:
                self.log.pop(0)

    def turn(self) -> None:
        """Takes what was typed; runs it when the line is whole. Never waits."""
        while self._poll.poll(0):
            character = sys.stdin.read(1)
            if not character:
                return
            if character in "\r\n":
                word, self._typed = self._typed.strip(), ""
                if word:
                    from . import console

                    console.run(word)
            elif len(self._typed) < _LINE_CHARACTERS:
                self._typed += character
