"""One board from whatever it holds to a sensor that runs. Every step may be repeated, and the power may go between any two."""

import secrets
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from gridecho.config import read_config
from gridecho.errors import ConfigError
from gridecho_common.board_json import board_json
from gridecho_remote.use.enrolment_files import key_check

from .errors import FlashingError, OnBoardError
from .image import first_epoch
from .link import Link, Seen
from .places import Labels, Place
from .plan import FINISH, KEEP, NEW, STARTER, changes, check_interpreter, check_space, differences, key_step

Say = Callable[[str, int, int], None]  # a word for what is done now, how much of it, of how much
_NO_LABELS = Labels("Sensor {id}", "", "")
LAST_EPOCH = (1 << 32) - 1
_RAN_OUT = "gridecho cannot start: "


@dataclass(frozen=True)
class Task:
    """What a board is to become. `firmware` and `extra` are files by board path; `config` None leaves config.json as it is.

    `place` None leaves key and epoch alone. `wait_s`: how long to wait for the first probe's answer; 0 does not look.
    """

    firmware: Mapping[str, bytes] = field(default_factory=dict)
    extra: Mapping[str, bytes] = field(default_factory=dict)
    config: Mapping[str, object] | None = None
    place: Place | None = None
    labels: Labels = _NO_LABELS
    rekey: bool = False
    dry_run: bool = False
    wait_s: float = 30.0

    def files(self, sensor_id: int | None) -> dict[str, bytes]:
        """Every file that is to be on the board, main.py last."""
        wanted = {path: content for path, content in self.firmware.items() if path != STARTER}
        wanted |= self.extra
        if self.config is not None:
            content = {**self.config, "sensor_id": sensor_id}
            wanted["config.json"] = board_json(content)
        if STARTER in self.firmware:
            wanted[STARTER] = self.firmware[STARTER]
        return wanted


@dataclass
class Outcome:
    """What was done to a board, or with `dry_run` would be. `problem` is a sentence, None if all is well."""

    port: str
    sensor_id: int | None = None
    copied: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    key: str = "-"
    route: str = "-"
    seconds: float = 0.0
    problem: str | None = None
    exit_code: int = 0


def bring(link: Link, seen: Seen, sensor_id: int | None, task: Task, say: Say) -> Outcome:
    """Brings a board to what `task` says. If that ends with a problem, the same call again goes on where this one ended."""
    done = Outcome(link.port, sensor_id)
    try:
        _bring(link, seen, task, say, done)
    except FlashingError as error:
        done.problem, done.exit_code = str(error), error.exit_code
    return done


def _bring(link: Link, seen: Seen, task: Task, say: Say, done: Outcome) -> None:
    sensor_id = done.sensor_id
    check_interpreter(link.port, seen)
    wanted = task.files(sensor_id)
    todo = changes(seen, wanted)
    check_space(link.port, seen, todo)
    if task.dry_run:
        done.copied, done.removed = list(todo.write), todo.remove
        if task.place is not None and sensor_id is not None:
            # Whose key it is cannot be told before the firmware is there to compute with it.
            done.key = "?" if seen.key == "" else _key_step(link.port, sensor_id, seen, task)
        return
    if todo:
        seen = _copy(link, seen, wanted, done, say)
    if task.place is not None and sensor_id is not None:
        say("key", 0, 1)
        done.key = _bring_key(link, seen, sensor_id, task.place, task)
    if STARTER in wanted:
        # What main.py needs is there now. Also where nothing was copied: a run may have been cut off just before.
        left = changes(link.look(list(wanted)), wanted) if todo else todo
        _write(link, left.write, done, say)
        if left.remove:
            link.call(f"remove(*{left.remove!r})")
            done.removed += left.remove
    say("start", 0, 1)
    link.restart()
    if task.wait_s:
        done.route = first_route(link, task.wait_s, task)


def first_route(link: Link, wait_s: float, task: Task | None = None) -> str:
    """What the console says of the first relay that answers. Raises FlashingError if none does in time."""
    for line in link.console(wait_s):
        words = dict(word.partition("=")[::2] for word in line.split())
        if line.startswith(("route relay=", "acked ")) and words.get("rtt_us", "").isdigit():
            return f"relay {words['relay']}, {int(words['rtt_us']) / 1000:.1f} ms"
        if line.startswith(_RAN_OUT):
            raise FlashingError(f"{link.port}: the sensor cannot start: {line.removeprefix(_RAN_OUT)}")
    why = "check that a relay runs at the addresses in config.json and that the Wi-Fi's name and password are right"
    if task is not None and task.place is not None and not task.place.complete:
        why = "if the enrolment file is not imported at the remote yet, that is what it waits for; else " + why
    raise FlashingError(f"{link.port}: all is written, but no relay answered within {wait_s:g} s; {why}")


def compare(link: Link, seen: Seen, wanted: Mapping[str, bytes], place: Place | None) -> list[str]:
    """What on the board is not as it should be; reads only."""
    known = place.known(seen.sensor_id) if place is not None and seen.sensor_id is not None else None
    said = differences(seen, wanted, known, None if place is None else place.complete)
    if "config.json" in seen.files:
        with suppress(OnBoardError):
            try:
                read_config(link.call("print(open('config.json').read())"))
            except ConfigError as error:
                said.append(f"config.json: {error.key}: expected {error.expected}")
    return said


def _copy(link: Link, seen: Seen, wanted: Mapping[str, bytes], done: Outcome, say: Say) -> Seen:
    """Everything but main.py, which is away meanwhile; then looks again, with the new code loaded."""
    link.soft_reset()  # the heap is the sensor's else
    todo = changes(seen, wanted)
    if STARTER in seen.files and any(path != STARTER for path in todo.write):
        link.call(f"remove({STARTER!r})")
    left_over = [path for path in todo.remove if path.startswith("lib/")]
    if left_over:
        link.call(f"remove(*{left_over!r})")
        done.removed += left_over
    _write(link, {path: content for path, content in todo.write.items() if path != STARTER}, done, say)
    link.soft_reset()
    seen = link.look(list(wanted))
    wrong = [path for path in changes(seen, wanted).write if path != STARTER]
    if wrong:
        raise FlashingError(f"{link.port}: flash does not keep {', '.join(wrong)}; this board's flash may be worn out")
    return seen


def _write(link: Link, files: Mapping[str, bytes], done: Outcome, say: Say) -> None:
    total = sum(map(len, files.values()))
    sent = 0

    def progress(count: int) -> None:
        nonlocal sent
        sent += count
        say("copy", sent, total)

    for path, content in files.items():
        link.put(path, content, progress)
        done.copied.append(path)


def _key_step(port: str, sensor_id: int, seen: Seen, task: Task) -> str:
    place = task.place
    if place is None:
        return KEEP
    return key_step(port, sensor_id, seen, place.known(sensor_id), place.complete, task.rekey)


def _bring_key(link: Link, seen: Seen, sensor_id: int, place: Place, task: Task) -> str:
    """key.new on the board, then the remote, then the rename: wherever it is cut off, the next run finds who knows the key."""
    step = _key_step(link.port, sensor_id, seen, task)
    if step == NEW or "epoch" not in seen.files:
        _bring_epoch(link, seen, sensor_id, place.epoch(sensor_id))
    if step == NEW:
        root = secrets.token_bytes(32)
        link.keep("key.new", root)
        if link.call("print(check('key.new'))").strip() != key_check(root):
            raise FlashingError(f"{link.port}: the board computes with the new key otherwise than this PC")
        place.enrol(sensor_id, seen.key_id or 1, root, task.labels)
    if step in (NEW, FINISH):
        link.call("os.rename('key.new', 'key')")
    elif seen.waiting is not None:
        link.call("remove('key.new')")
    return step


def _bring_epoch(link: Link, seen: Seen, sensor_id: int, known: int) -> None:
    """The last epoch that the sensor used: the board's own, unless it was no sensor, or another board has been this one since."""
    own = link.call("print((_read('epoch') or b'').decode())").strip()
    used = max(known, int(own) if own.isdigit() else 0)
    if used >= LAST_EPOCH:
        raise FlashingError(
            f"{link.port}: sensor {sensor_id} has used the last of its epochs ({LAST_EPOCH}), for a PC's clock was wrong "
            "when it was flashed; give the board another number: gridecho flash erase, then gridecho flash board --sensor-id NUMBER"
        )
    if not seen.key or not own.isdigit() or int(own) < known:
        link.put("epoch", first_epoch(used))
