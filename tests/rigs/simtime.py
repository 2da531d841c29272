"""Virtual time for whole systems in one process: it goes on only when everybody waits, so a wait costs nothing and is exact.

Everybody is a task on a host: a thread that runs alone until it waits by its host's clock, and then hands the baton to the next.
So what runs is the product's own loops, in the same order each time. A host can be stopped for a while, and killed: its tasks then
end where they wait.
"""

import heapq
import math
import threading
from collections import deque

from gridecho_common.clock import Clock

UTC_AT_0_MS = 1_800_000_000_000
HANG_S = 300.0  # of virtual time: what has not happened by then does not happen at all


class Gone(BaseException):
    """Ends a task of a host that is killed."""


class Task:
    """What runs, or waits for its baton."""

    def __init__(self, host, call):
        self.host = host
        self.call = call
        self.gone = self.done = self.woken = False
        self.waits = 0  # it has waited so often; a wake-up for a wait that is over counts nothing
        self.baton = threading.Lock()
        self.baton.acquire()


class Host:
    """A machine: its tasks, and how far its clock is ahead of true time."""

    def __init__(self, time, ahead_ms=0):
        self.time = time
        self.clock = HostClock(time, ahead_ms)
        self.stopped = False
        self.tasks = []
        self._frozen = []

    def spawn(self, call):
        """Starts a task."""
        self.tasks = [task for task in self.tasks if not task.done]
        task = Task(self, call)
        self.tasks.append(task)
        threading.Thread(target=self.time.live, args=(task,), daemon=True).start()
        self.time.wake(task, 0, woken=True)

    def stop(self):
        """SIGSTOP: nothing of it runs until `go_on`."""
        self.stopped = True

    def go_on(self):
        """SIGCONT."""
        self.stopped = False
        self.time.ready.extend(self._frozen)
        self._frozen.clear()

    def freeze(self, task):
        """A task of a stopped host would run now."""
        self._frozen.append(task)

    def kill(self):
        """kill -9: each task ends where it waits."""
        for task in self.tasks:
            task.gone = True
            self.time.wake(task, task.waits, woken=True)
        self.go_on()
        while not all(task.done for task in self.tasks):
            self.time.sleep(0)
        self.tasks.clear()


class Time:
    """The clock of all hosts, in microseconds. The thread that made it is a task too: the test."""

    def __init__(self):
        self.us = 0
        self.ready = deque()
        self.running = self._test = Task(None, None)
        self._timers = []
        self._n = 0
        self._failed = None

    @property
    def now_s(self):
        return self.us / 1_000_000

    def sleep(self, seconds):
        """Lets time pass for whoever calls it."""
        self.park(seconds)

    def wait_for(self, condition, what, every_s=0.01):
        """Until the condition holds: what it gives."""
        end_us = self.us + HANG_S * 1_000_000
        while not (found := condition()):
            assert self.us < end_us, f"{what if isinstance(what, str) else what()} did not happen"
            self.sleep(every_s)
        return found

    def condition(self):
        return Condition(self)

    def at(self, us, call):
        """Calls when the clock is there; the call may wake, but not wait."""
        self._n += 1
        heapq.heappush(self._timers, (max(us, self.us), self._n, None, call))

    def park(self, seconds=None):
        """Waits for so long at most, else until it is woken: whether it was woken."""
        me = self.running
        if me.gone:
            raise Gone
        if seconds is not None:
            self._n += 1
            at_us = self.us + max(0, math.ceil(1_000_000 * seconds))
            heapq.heappush(self._timers, (at_us, self._n, me, me.waits))
        following = self._next()
        if following is not me:
            self.running = following
            following.baton.release()
            me.baton.acquire()
        if me is self._test and self._failed is not None:
            raise self._failed
        if me.gone:
            raise Gone
        return me.woken

    def wake(self, task, waits, woken):
        """Ends that wait of a task, if it is not over."""
        if not task.done and task.waits == waits:
            task.waits += 1
            task.woken = woken
            self.ready.append(task)

    def live(self, task):
        """A task's thread."""
        task.baton.acquire()
        try:
            if not task.gone:
                task.call()
        except Gone:
            pass
        except BaseException as error:  # noqa: BLE001 - the test ends with it
            self._failed = error
            self._test.waits += 1
            self.ready.appendleft(self._test)
        finally:
            task.done = True
            self.running = self._next()
            self.running.baton.release()

    def _next(self):
        while True:
            while self.ready:
                task = self.ready.popleft()
                if task.host is None or not task.host.stopped:
                    return task
                task.host.freeze(task)
            at_us, _, task, what = heapq.heappop(self._timers)
            if task is None:
                self.us = at_us
                what()
            elif task.waits == what and not task.done:
                self.us = at_us
                self.wake(task, what, woken=False)


class HostClock(Clock):
    """A host's clock, and waiting by it."""

    def __init__(self, time, ahead_ms=0):
        self.time = time
        self.ahead_ms = ahead_ms

    def now_s(self):
        return self.time.now_s

    def utc_ms(self):
        return UTC_AT_0_MS + self.ahead_ms + self.time.us // 1000

    def sleep(self, seconds):
        self.time.sleep(seconds)

    def condition(self):
        return Condition(self.time)

    def event(self):
        return Event(self.time)


class Condition:
    """As threading.Condition. It guards nothing: who runs runs alone."""

    def __init__(self, time):
        self._time = time
        self._waiting = deque()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return None

    def wait(self, seconds=None):
        me = self._time.running
        self._waiting.append((me, me.waits))
        return self._time.park(seconds)

    def wait_for(self, condition, seconds=None):
        end_s = None if seconds is None else self._time.now_s + seconds
        while not (found := condition()):
            left_s = None if end_s is None else end_s - self._time.now_s
            if left_s is not None and left_s <= 0:
                break
            self.wait(left_s)
        return found

    def notify(self, n=1):
        while n and self._waiting:
            task, waits = self._waiting.popleft()
            if task.waits == waits:
                self._time.wake(task, waits, woken=True)
                n -= 1

    def notify_all(self):
        self.notify(len(self._waiting))


class Event:
    """As threading.Event."""

    def __init__(self, time):
        self._set = False
        self._condition = Condition(time)

    def is_set(self):
        return self._set

    def set(self):
        self._set = True
        self._condition.notify_all()

    def clear(self):
        self._set = False

    def wait(self, seconds=None):
        return self._condition.wait_for(self.is_set, seconds)
