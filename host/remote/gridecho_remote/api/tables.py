"""Readings as text and files, made by column: JSON, CSV, Parquet. What is not there is left out, empty, or null."""

import csv
import io
from collections.abc import Iterator
from typing import Any

import numpy as np
import orjson

from ..rules.units import label, obis, unit
from ..use.sensors import NO_EPOCH, Item, Readings

_ROW_GROUP = 65_536  # readings; what other programs like to read at once


def reading(item: Item) -> dict[str, Any]:
    """One reading for JSON; one from a rollup has no number."""
    values = {obis(code): value for code, value in item.values.items()}
    epoch, seq, place = item[1:4] if item.epoch != NO_EPOCH else (None, None, None)
    return {"time": item.time_s or None, "epoch": epoch, "seq": seq, "item": place, "values": values}


def curve(items: list[Item]) -> orjson.Fragment:
    """A list of readings for JSON; of rollups alone, by the text that each begins with, for speed."""
    codes = {code for item in items for code in item.values}
    if len(codes) != 1 or any(item.epoch != NO_EPOCH or not item.time_s for item in items):
        return orjson.Fragment(orjson.dumps([reading(item) for item in items]))
    (code,) = codes
    one = f'{{"time":%d,"epoch":null,"seq":null,"item":null,"values":{{"{obis(code)}":%d}}}}'
    numbers = [number for item in items for number in (item.time_s, item.values[code])]
    return orjson.Fragment(f"[{','.join([one] * len(items))}]" % tuple(numbers))


def json_of(answer: dict[str, Any], found: Readings) -> bytes:
    """`answer` as JSON, with `readings`."""
    return b"".join([orjson.dumps(answer)[:-1], b',"readings":[', _rows(found), b"]}"])


def _rows(found: Readings) -> bytes:
    """Readings as JSON. Where nothing is missing all rows are set at once in one table of characters, for speed."""
    if not (len(found) and found.codes and found.has.all() and found.times_s.all()):
        return orjson.dumps([reading(item) for item in found.rows()])[1:-1]
    before = [b'{"time":', b',"epoch":', b',"seq":', b',"item":']
    before += [
        (b',"values":{"%s":' if not row else b',"%s":') % obis(code).encode() for row, code in enumerate(found.codes)
    ]
    template, numbers = b"", []
    for text, column in zip(before, [found.times_s, found.epochs, found.seqs, found.items, *found.values], strict=True):
        template += text
        if (column == column[0]).all():  # as the epoch mostly is
            template += b"%d" % column[0]
            continue
        aligned = _aligned(column)
        numbers.append((len(template), aligned))
        template += b" " * aligned.shape[1]
    rows = np.frombuffer((template + b"}},") * len(found), np.uint8).reshape(len(found), -1).copy()
    for at, aligned in numbers:
        rows[:, at : at + aligned.shape[1]] = aligned
    return rows.tobytes()[:-1]


def _aligned(column: Any) -> Any:
    """Whole numbers as characters, shape (numbers, width of the widest), with blanks before the shorter ones; JSON allows them."""
    text = orjson.dumps(np.ascontiguousarray(column), option=orjson.OPT_SERIALIZE_NUMPY)
    characters = np.frombuffer(text, np.uint8)[1:]
    width = max(len(b"%d" % column.min()), len(b"%d" % column.max()))
    if len(characters) == len(column) * (width + 1):
        return characters.reshape(-1, width + 1)[:, :width]
    is_digit = characters > ord(",")  # or a sign; after each number is a comma, after the last a bracket
    is_digit[-1] = False
    lengths = np.diff(np.flatnonzero(~is_digit), prepend=-1) - 1
    aligned = np.full((len(column), width), ord(" "), np.uint8)
    aligned[np.arange(width) >= (width - lengths)[:, None]] = characters[is_digit]
    return aligned


def csv_of(parts: Iterator[Readings], codes: list[int]) -> Iterator[str]:
    """A CSV file of these quantities, a piece for each part."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(["time", "utc", "epoch", "seq", "item", *(_name(code) for code in codes)])
    for part in parts:
        writer.writerows(zip(*_cells(part, codes), strict=True))
        yield buffer.getvalue()
        buffer.seek(0)
        buffer.truncate()


def _name(code: int) -> str:
    return f"{obis(code)} [{unit(code)}]"


def _cells(part: Readings, codes: list[int]) -> list[list[Any]]:
    utc = [text + "Z" for text in np.datetime_as_string(part.times_s.astype("datetime64[s]")).tolist()]
    times: list[Any] = part.times_s.tolist()
    if not part.times_s.all():
        utc = [text if time_s else "" for text, time_s in zip(utc, times, strict=True)]
        times = [time_s or "" for time_s in times]
    columns = [times, utc, part.epochs.tolist(), part.seqs.tolist(), part.items.tolist()]
    for code in codes:
        row = part.codes.index(code)
        values, has = part.values[row].tolist(), part.has[row]
        columns.append(
            values if has.all() else [value if one else "" for value, one in zip(values, has.tolist(), strict=True)]
        )
    return columns


class _Sink(io.RawIOBase):
    """A file that is handed on while it is written; a Parquet file tells places in itself, so it counts on."""

    def __init__(self) -> None:
        self._written = bytearray()
        self._size = 0

    def writable(self) -> bool:
        """It is written only."""
        return True

    def write(self, data: Any) -> int:
        """Takes all of it."""
        self._written += data
        self._size += len(data)
        return len(data)

    def tell(self) -> int:
        """How much was written in all."""
        return self._size

    def taken(self) -> bytes:
        """What was written since the last time."""
        done, self._written = bytes(self._written), bytearray()
        return done


def parquet_of(parts: Iterator[Readings], codes: list[int]) -> Iterator[bytes]:
    """A Parquet file of these quantities: `time` with its zone (UTC), the numbers, a column a quantity with its name and unit."""
    import pyarrow as pa  # half a second, and only this needs it
    from pyarrow import parquet

    fields = [
        pa.field("time", pa.timestamp("s", "UTC"), nullable=False),
        pa.field("epoch", pa.uint32(), nullable=False),
        pa.field("seq", pa.uint32(), nullable=False),
        pa.field("item", pa.uint8(), nullable=False),
        *(pa.field(_name(code), pa.int64(), metadata={"label": label(code)}) for code in codes),
    ]
    schema = pa.schema(fields)
    sink = _Sink()
    with parquet.ParquetWriter(sink, schema, compression="zstd") as writer:
        waiting: list[Any] = []
        for part in parts:
            waiting.append(_table(pa, schema, part, codes))
            if sum(table.num_rows for table in waiting) >= _ROW_GROUP:
                writer.write_table(pa.concat_tables(waiting))
                waiting = []
                yield sink.taken()
        if waiting:
            writer.write_table(pa.concat_tables(waiting))
    yield sink.taken()


def _table(pa: Any, schema: Any, part: Readings, codes: list[int]) -> Any:
    columns = [part.times_s, part.epochs.astype("<u4"), part.seqs.astype("<u4"), part.items.astype("<u1")]
    made = [_column(pa, field.type, column) for field, column in zip(schema, columns, strict=False)]
    for code in codes:
        row = part.codes.index(code)
        made.append(_column(pa, pa.int64(), part.values[row], part.has[row]))
    return pa.Table.from_arrays(made, schema=schema)


def _column(pa: Any, kind: Any, values: Any, has: Any = None) -> Any:
    """A column of numbers as they lie in memory. `pa.array` would import pandas, if it is there, to ask if it is theirs."""
    there = None if has is None or has.all() else pa.py_buffer(np.packbits(has, bitorder="little"))
    return pa.Array.from_buffers(kind, len(values), [there, pa.py_buffer(np.ascontiguousarray(values))])
