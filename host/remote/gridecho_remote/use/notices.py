"""What people are told of what concerns them: they read it on a page, and get it by e-mail where they gave an address."""

import logging

from ..outside.mail import MailError
from ..rules.actor import Actor
from ..rules.sentences import said
from ..store import notices
from ..store.notices import NoticeInfo
from .site import Site

__all__ = ("NoticeInfo", "mark_read", "mine", "send", "unread")

log = logging.getLogger("gridecho.remote")

_AT_ONCE = 20
_LEASE_S = 600
_SUBJECT = 100  # characters
_AGAIN_S = (60, 600, 3_600, 6 * 3_600, 24 * 3_600)  # after so many tries that failed; after the last one never


def mine(site: Site, actor: Actor) -> list[NoticeInfo]:
    """What somebody was told, the newest first."""
    actor.require_person()
    return notices.newest(site.archive, actor.id)


def unread(site: Site, actor: Actor) -> int:
    """How many of them they did not see yet."""
    actor.require_person()
    return notices.unread(site.archive, actor.id)


def mark_read(site: Site, actor: Actor, up_to: int) -> None:
    """They saw those up to this number."""
    actor.require_person()
    with site.archive.writing():
        notices.mark_read(site.archive, actor.id, up_to, site.now_ms())


def send(site: Site) -> int:
    """Sends what is due: how many letters it saw to. Several processes may do so at once.

    One that dies between the sending and its mark sends it again later, with the same number.
    """
    if site.post is None:
        return 0
    now_ms = site.now_ms()
    letters = notices.claimed(site.archive, now_ms, now_ms + 1000 * _LEASE_S, _AT_ONCE)
    for letter in letters:
        again_ms = None
        if letter.email:
            try:
                text = said(letter.told)
                url = site.settings.public_url
                body = f"{text}.\n\n{url}\n" if url else f"{text}.\n"
                site.post.send(
                    letter.email, f"gridecho: {text[:_SUBJECT]}", body, f"notice-{letter.id}", letter.at_ms / 1000
                )
            except MailError as error:
                left = [] if error.for_good else _AGAIN_S[letter.tries - 1 :]
                again_ms = now_ms + 1000 * left[0] if left else None
                log.warning("mail-failed notice=%d reason=%s again=%s", letter.id, error, bool(left))
        notices.settle(site.archive, letter.id, again_ms)
    return len(letters)
