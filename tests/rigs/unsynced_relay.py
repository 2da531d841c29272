"""gridecho with a relay that does not sync at a commit: the power cuts must find that."""

from gridecho_cli import main
from gridecho_relay import ledger

assert ledger.PRAGMAS["synchronous"] == "full"
ledger.PRAGMAS["synchronous"] = "normal"

main()
