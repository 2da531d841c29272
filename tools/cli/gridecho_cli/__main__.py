"""`python -m gridecho_cli` is `gridecho`."""

from . import main

main()
