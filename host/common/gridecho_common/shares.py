"""The share that one party has of what all use, where nobody is to be kept out by another."""


def fair(held: int, more: int, free: int) -> bool:
    """Whether who has `held` so much may take `more` of what is `free`: if as much is left to the others then as it has in all.

    Who has nothing yet needs only the room.
    """
    left = free - more
    return left >= 0 and (held == 0 or held + more <= left)
