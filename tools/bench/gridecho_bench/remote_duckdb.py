"""DuckDB beside the remote, a process for each order: the same rows by its own bulk load, and the same questions in SQL.

It opens, verifies and signs nothing, removes no duplicates, and one process at a time may write: it is what an analyst would pick.
"""

import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from .remote_child import drop_cache, hot_ms, peak_rss_mb, serve
from .remote_data import BATCH_FRAMES, COLUMNS, METER_ID, PER_FRAME, POINTS, ZONE, Data, Rows

MISSING = "" if find_spec("duckdb") else "DuckDB is not installed: pip install 'gridecho[bench]'"
_TYPES = dict(zip(COLUMNS, ("INTEGER", "BIGINT", "BIGINT", "INTEGER", "INTEGER", "INTEGER"), strict=True))
_TABLE = f"CREATE TABLE reading ({', '.join(f'{name} {kind}' for name, kind in _TYPES.items())})"
_METER = f"sensor_id = {METER_ID} AND time_s >= $from_s AND time_s < $to_s"
_DAY = f"SELECT {', '.join(COLUMNS)} FROM reading WHERE {_METER} ORDER BY time_s"  # noqa: S608  # nosec B608  # names of ours, values are bound
_CURVE = f"""
    SELECT min(power_w), arg_min(time_s, power_w), max(power_w), arg_max(time_s, power_w)
    FROM reading WHERE {_METER} GROUP BY (time_s - $from_s) // $width ORDER BY (time_s - $from_s) // $width
"""  # noqa: S608  # nosec B608  # names of ours, values are bound
# A step belongs to the day in which it begins; a register that fell back tells of no energy.
_STEPS = """
    SELECT sensor_id, time_s, lead(energy_wh) OVER (PARTITION BY sensor_id ORDER BY time_s) - energy_wh AS step_wh
    FROM reading WHERE {where}
"""
_BY_DAY = f"""
    SELECT sum(greatest(step_wh, 0))::BIGINT FROM ({_STEPS.format(where=_METER)}) WHERE step_wh IS NOT NULL
    GROUP BY date_trunc('day', timezone('{ZONE}', to_timestamp(time_s)))
    ORDER BY date_trunc('day', timezone('{ZONE}', to_timestamp(time_s)))
"""  # noqa: S608  # nosec B608  # names of ours, values are bound
_REGION = f"""
    SELECT coalesce(sum(greatest(step_wh, 0)), 0)::BIGINT
    FROM ({_STEPS.format(where="time_s >= $from_s AND time_s <= $to_s")}) JOIN sensor USING (sensor_id)
    WHERE region = 'region' AND time_s < $to_s
"""  # noqa: S608  # nosec B608  # names of ours, values are bound


def load(order: dict[str, Any]) -> dict[str, Any]:
    """Readings a second: the meter's rows, as many a transaction as a relay's batch has; with ten a frame then all rows at once."""
    data = Data(**order["data"])
    part = order["parts"][0]
    Path(order["place"]).mkdir(parents=True)
    per_frame = int(part.partition("-")[2])
    connection = _created(_path(order).with_name("batches.duckdb"), data)
    per_s = {part: data.meter / _insert(connection, data.rows("meter"), BATCH_FRAMES * per_frame)}
    connection.close()
    if per_frame < max(PER_FRAME):
        return {"per_s": per_s}
    connection = _created(_path(order), data)
    took_s = sum(_insert(connection, data.rows(table), data.readings) for table in ("meter", "region"))
    rss_mb = peak_rss_mb()
    connection.execute("CHECKPOINT")
    connection.close()
    per_s["bulk"] = data.readings / took_s
    size = _path(order).stat().st_size
    return {"per_s": per_s, "peak_rss_mb": rss_mb, "readings": data.readings, "bytes": size}


def cold(order: dict[str, Any]) -> dict[str, Any]:
    """How long the first answer takes, from the opening of a database of which nothing is in memory."""
    import duckdb

    data = Data(**order["data"])
    drop_cache([_path(order)])
    begun = time.perf_counter()
    duckdb.connect(str(_path(order))).execute(_DAY, _span(data.day)).fetchnumpy()
    return {"day_cold_ms": 1000 * (time.perf_counter() - begun)}


def ask(order: dict[str, Any]) -> dict[str, Any]:
    """How long answers take, and what they are."""
    import duckdb

    data, connection = Data(**order["data"]), duckdb.connect(str(_path(order)))
    year = _span(data.year)
    width = -(-2 * (data.year[1] - 60 - data.year[0] + 1) // POINTS)
    day, day_ms = hot_ms(lambda: connection.execute(_DAY, _span(data.day)).fetchnumpy())
    curve, curve_ms = hot_ms(lambda: connection.execute(_CURVE, {**year, "width": width}).fetchall())
    by_day, by_day_ms = hot_ms(lambda: connection.execute(_BY_DAY, year).fetchall())
    region, region_ms = hot_ms(lambda: connection.execute(_REGION, _span(data.region_day)).fetchall())
    csv, parquet = Path(order["place"]) / "year.csv", Path(order["place"]) / "year.parquet"
    csv_s = _copy(connection, csv, "FORMAT csv, HEADER")
    parquet_s = _copy(connection, parquet, "FORMAT parquet")
    return {
        "day_hot_ms": day_ms,
        "year_200_points_ms": curve_ms,
        "year_energy_by_day_ms": by_day_ms,
        "region_day_ms": region_ms,
        "year_csv_s": csv_s,
        "year_parquet_s": parquet_s,
        "answers": {
            "day": [list(row) for row in zip(*(day[name].tolist() for name in COLUMNS), strict=True)],
            "day by the API": [list(row) for row in zip(*(day[name].tolist() for name in COLUMNS[1:]), strict=True)],
            "least and greatest": [min(row[0] for row in curve), max(row[2] for row in curve)],
            "energy by day": [wh for (wh,) in by_day],
            "energy of the region": region[0][0],
            "lines of the export": csv.read_bytes().count(b"\n"),
        },
    }


def _path(order: dict[str, Any]) -> Path:
    return Path(order["place"]) / "all.duckdb"


def _span(span: tuple[int, int]) -> dict[str, int]:
    return {"from_s": span[0], "to_s": span[1]}


def _created(path: Path, data: Data) -> Any:
    import duckdb

    connection = duckdb.connect(str(path))
    connection.execute(_TABLE)
    connection.execute(
        "CREATE TABLE sensor AS SELECT DISTINCT sensor_id, CASE sensor_id WHEN $meter THEN 'meter' ELSE 'region' END AS region "
        "FROM (SELECT $meter AS sensor_id UNION ALL SELECT unnest($ids))",
        {"meter": METER_ID, "ids": sorted(set(data.rows("region")[0].tolist()))},
    )
    return connection


def _insert(connection: Any, rows: Rows, at_once: int) -> float:
    """Seconds for all rows, `at_once` a transaction; DuckDB reads NumPy's arrays as they lie in memory."""
    took_s = 0.0
    for at in range(0, rows.shape[1], at_once):
        batch = dict(zip(COLUMNS, rows[:, at : at + at_once].copy(), strict=True))
        begun = time.perf_counter()
        connection.execute("INSERT INTO reading SELECT * FROM batch")
        took_s += time.perf_counter() - begun
        del batch
    return took_s


def _copy(connection: Any, path: Path, options: str) -> float:
    begun = time.perf_counter()
    connection.execute(
        f"COPY (SELECT * FROM reading WHERE sensor_id = {METER_ID} ORDER BY time_s) TO '{path}' ({options})"  # noqa: S608  # nosec B608  # names of ours, values are bound
    )
    return time.perf_counter() - begun


if __name__ == "__main__":
    serve({"load": load, "cold": cold, "ask": ask})
