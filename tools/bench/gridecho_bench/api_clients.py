"""Clients of the API in a process of their own, each over one connection that stays: asks, reads the answer, asks again."""

import asyncio
import time
from typing import Any
from urllib.parse import urlsplit

from .remote_child import serve

_WARM = 0.2  # of the time, before any of it counts


def ask(order: dict[str, Any]) -> dict[str, Any]:
    """How many answers a second, and their milliseconds: `path` of `url` asked by so many `clients` for so many `seconds`."""
    return asyncio.run(_all(order))


async def _all(order: dict[str, Any]) -> dict[str, Any]:
    begin_s = time.perf_counter() + _WARM * order["seconds"]
    end_s = begin_s + order["seconds"]
    found = await asyncio.gather(*(_one(order, begin_s, end_s) for _ in range(order["clients"])))
    took = sorted(one for some in found for one in some)
    return {
        "per_s": len(took) / order["seconds"],
        "p50_ms": 1000 * took[len(took) // 2],
        "p99_ms": 1000 * took[min(len(took) - 1, len(took) * 99 // 100)],
        "body_bytes": order["body_bytes"],
    }


async def _one(order: dict[str, Any], begin_s: float, end_s: float) -> list[float]:
    """The seconds that each answer took which came between two moments. Raises ValueError for one that is not the wanted one."""
    at = urlsplit(order["url"])
    reader, writer = await asyncio.open_connection(at.hostname, at.port)
    request = (
        f"GET {order['path']} HTTP/1.1\r\nHost: {at.netloc}\r\nAuthorization: Bearer {order['token']}\r\n\r\n".encode()
    )
    took: list[float] = []
    while (begun_s := time.perf_counter()) < end_s or not took:  # one answer at least, however long it takes
        writer.write(request)
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = int(head.split("content-length: ")[1].split("\r\n")[0])
        await reader.readexactly(length)
        if not head.startswith("http/1.1 200 ") or length != order["body_bytes"]:
            raise ValueError(f"{order['path']}: {head.splitlines()[0]}, {length} bytes")
        now_s = time.perf_counter()
        if begin_s <= now_s and (now_s < end_s or not took):
            took.append(now_s - begun_s)
    writer.close()
    return took


if __name__ == "__main__":
    serve({"ask": ask})
