"""The measured remote, a process for each order: takes batches made before, or answers questions. Runs with any build of it."""

import time
from pathlib import Path
from typing import Any

import gridecho_remote
from gridecho import relay_keys
from gridecho.batch import read_receipt
from gridecho.crypto import Cmac
from gridecho.quantities import POWER_IMPORT

from .remote_child import drop_cache, hot_ms, peak_rss_mb, serve
from .remote_data import METER_ID, POINTS, RELAY_ID, RELAY_SECRET, ZONE, Data
from .remote_layouts import Build, NotThereError, build_of


def load(order: dict[str, Any]) -> dict[str, Any]:
    """Readings a second of each part, the memory and the disk that it took; only the taking counts. Or why there is none of it."""
    data, build = Data(**order["data"]), _build(order)
    try:
        build.create(data)
    except NotThereError as error:
        return {"reason": str(error)}
    empty_bytes = build.size()
    take = build.taker().take
    receipt_mac = Cmac(relay_keys.receipt_key(RELAY_SECRET, RELAY_ID))
    now_ms = 1000 * data.year[1]
    per_s = {}
    compacted_per_s: list[float] = []
    for part in order["parts"]:
        took_s = 0.0
        for body in data.bodies(part):
            begun = time.perf_counter()
            receipt = take(body, now_ms)
            took_s += time.perf_counter() - begun
            told = read_receipt(receipt, receipt_mac)
            if told.known or told.quarantined:
                raise NotThereError("this build does not take the frames of the bench")
        begun = time.perf_counter()
        build.roll_up()
        per_s[part] = data.readings_of(part) / (took_s + time.perf_counter() - begun)
        begun = time.perf_counter()
        if build.compact():
            compacted_per_s.append(data.readings_of(part) / (time.perf_counter() - begun))
    rss_mb = peak_rss_mb()
    readings = sum(map(data.readings_of, order["parts"]))
    found = {
        "build": str(gridecho_remote.__file__),
        "per_s": per_s,
        "peak_rss_mb": rss_mb,
        "compacted_per_s": max(compacted_per_s, default=None),
    }
    return found | {"readings": readings, "empty_bytes": empty_bytes, "bytes": build.close()}


def cold(order: dict[str, Any]) -> dict[str, Any]:
    """How long the first answer takes, from the opening of a database of which nothing is in memory."""
    data, build = Data(**order["data"]), _build(order)
    drop_cache(build.files())
    begun = time.perf_counter()
    build.open()
    build.day(data.day)
    return {"day_cold_ms": 1000 * (time.perf_counter() - begun)}


def ask(order: dict[str, Any]) -> dict[str, Any]:
    """How long answers take, and what they are; None for what this build does not answer."""
    data, build = Data(**order["data"]), _build(order)
    build.open()
    day, day_ms = hot_ms(lambda: build.day(data.day))
    curve, curve_ms = hot_ms(lambda: build.curve(POWER_IMPORT, data.year, POINTS))
    by_day, by_day_ms = hot_ms(lambda: build.energy_by_day(data.year, ZONE))
    region, region_ms = hot_ms(lambda: build.region_energy(data.region_day, ZONE))
    client = build.client(data.year[1])
    query = "?from={}&to={}".format(*data.day)
    page, api_ms = hot_ms(lambda: client.get(f"/api/v1/sensors/{METER_ID}/readings{query}").json)
    begun = time.perf_counter()
    lines = sum(chunk.count(b"\n") for chunk in client.get(f"/api/v1/sensors/{METER_ID}/readings.csv").response)
    csv_s = time.perf_counter() - begun
    begun = time.perf_counter()
    parquet = client.get(f"/api/v1/sensors/{METER_ID}/readings.parquet")
    parquet_s = time.perf_counter() - begun if parquet.status_code == 200 else None
    return {
        "day_hot_ms": day_ms,
        "day_api_ms": api_ms,
        "year_200_points_ms": curve_ms,
        "year_energy_by_day_ms": None if by_day is None else by_day_ms,
        "region_day_ms": None if region is None else region_ms,
        "year_csv_s": csv_s,
        "year_parquet_s": parquet_s,
        "answers": {
            "day": build.rows(day),
            "day by the API": [[one["time"], *one["values"].values()] for one in page["readings"]],
            "least and greatest": [min(curve), max(curve)],
            "energy by day": by_day,
            "energy of the region": region,
            "lines of the export": lines,
        },
    }


def _build(order: dict[str, Any]) -> Build:
    return build_of(Path(order["place"]), order.get("url", ""))


if __name__ == "__main__":
    serve({"load": load, "cold": cold, "ask": ask})
