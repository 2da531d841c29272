"""Where things are: the checkout, and the real inputs that may lie beside it."""

from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
SHARED = REPOSITORY.parent / "shared" / "data"
