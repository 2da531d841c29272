"""Which data ids this relay has ever committed: kept while their frames are here, and after these were deleted."""

from bisect import bisect_right
from collections.abc import Iterable

from gridecho.replay import SeqRuns

DATA_ID = slice(4, 16)  # in a DATA frame: sensor id, epoch, seq
_EPOCHS_KEPT = 64  # of one sensor; an epoch is a boot


class Replay:
    """A set of data ids, as runs of seqs for each sensor and epoch.

    Bounded: for each sensor the 64 highest epochs, in each the 256 highest runs. What is forgotten counts as new again, which may
    bring a datum to the remote a second time (the remote drops it) but never drops one that was not kept.
    """

    def __init__(self) -> None:
        self._runs: dict[bytes, SeqRuns] = {}
        self._epochs: dict[bytes, list[bytes]] = {}

    def __contains__(self, data_id: bytes) -> bool:
        runs = self._runs.get(data_id[:8])
        return runs is not None and int.from_bytes(data_id[8:], "big") in runs

    def add(self, data_id: bytes) -> bool:
        """Takes a data id (12 bytes as in the frame) in; True if it was not there."""
        runs = self._runs.get(data_id[:8])
        if runs is None:
            runs = self._enter(data_id[:8], SeqRuns())
        return runs.add(int.from_bytes(data_id[8:], "big"))

    def add_run(self, key: bytes, first_seq: int, last_seq: int) -> None:
        """Takes in all seqs of a run of one sensor and epoch (8 bytes)."""
        runs = self._runs.get(key)
        if runs is None:
            runs = self._enter(key, SeqRuns())
        runs.add_run(first_seq, last_seq)

    def discard(self, data_id: bytes) -> None:
        """Takes a data id out again, which was just taken in."""
        runs = self._runs.get(data_id[:8])
        if runs is None:
            return
        seq = int.from_bytes(data_id[8:], "big")
        i = bisect_right(runs.runs, seq, key=lambda run: run[0]) - 1
        if i >= 0 and seq <= runs.runs[i][1]:
            first, last = runs.runs[i]
            runs.runs[i : i + 1] = [run for run in ([first, seq - 1], [seq + 1, last]) if run[0] <= run[1]]

    def load(self, key: bytes, packed: bytes) -> None:
        """Takes in what `packed` gave for a sensor and epoch; before any `add`."""
        numbers = [int.from_bytes(packed[i : i + 4], "big") for i in range(0, len(packed), 4)]
        self._enter(key, SeqRuns(runs=[list(run) for run in zip(numbers[::2], numbers[1::2], strict=True)]))

    def knows(self, key: bytes) -> bool:
        """Whether seqs of this sensor and epoch (8 bytes) are kept."""
        return key in self._runs

    def packed(self, data_ids: Iterable[bytes]) -> list[tuple[bytes, bytes]]:
        """(sensor and epoch as 8 bytes, their runs as u32 pairs) of every sensor and epoch that these data ids touch."""
        keys = {data_id[:8] for data_id in data_ids}
        return [(key, self._pack(self._runs[key])) for key in sorted(keys) if key in self._runs]

    @staticmethod
    def _pack(runs: SeqRuns) -> bytes:
        return b"".join([first.to_bytes(4, "big") + last.to_bytes(4, "big") for first, last in runs.runs])

    def _enter(self, key: bytes, runs: SeqRuns) -> SeqRuns:
        self._runs[key] = runs
        epochs = self._epochs.setdefault(key[:4], [])
        epochs.append(key)
        if len(epochs) > _EPOCHS_KEPT:
            oldest = min(epochs)
            epochs.remove(oldest)
            del self._runs[oldest]
        return runs
