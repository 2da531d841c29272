"""Wi-Fi names and passwords reach MicroPython's own JSON reader as the bytes that were typed."""

import ast
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from gridecho_flash.link import Link

from tests.rigs.flash_site import flash

WIFI = {"ssid": "Caf\u00e9 \U0001f4f6", "password": "\U0001f511\u5bc6\U0010ffff"}
READ = "import json\nw = json.load(open('/config.json'))['wifi']\nprint([w[k].encode() for k in ('ssid', 'password')])"


@pytest.mark.parametrize("ascii_only", [False, True])
def test_flash_board(begun: Callable[..., Any], tmp_path: Path, ascii_only: bool) -> None:
    board, _, words = begun()
    file = tmp_path / "config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "wifi": WIFI}, ensure_ascii=ascii_only))
    words[words.index("--wait") + 1] = 0
    flash(*words)
    with Link(board.port) as link:
        assert ast.literal_eval(link.run(READ)) == [word.encode() for word in WIFI.values()]


def test_half_of_a_pair_is_one_sentence(begun: Callable[..., Any], tmp_path: Path) -> None:
    _, _, words = begun(settings={"wifi": {"ssid": "\ud83d"}})
    words.remove("--json")
    said = flash(*words, code=2)
    assert "config.json: expected UTF-8 text, without halves of surrogate pairs" in said
