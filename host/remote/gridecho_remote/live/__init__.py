"""Readings told to people as they come, over connections that stay open: server-sent events (WHATWG HTML, section 9.2)."""
