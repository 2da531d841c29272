"""The sentence for each error code, and what helps at a terminal: one catalogue for pages, problem details and commands.

A sentence names its error's fields in braces. A page or an answer of the API has it without the hint: who reads it has no shell.
"""

from collections.abc import Callable, Mapping
from typing import Any

from .errors import RemoteError
from .language import ENGLISH, Language
from .reasons import Reason

_How = Callable[[Any, Language], str]

SENTENCES = {
    # who asks
    "for-people": "this is for people who log in",
    "for-administrators": "this is for administrators",
    "for-auditors": "this is for auditors",
    "for-operators": "this is for operators",
    "for-terminal": "this is for the operator at the terminal",
    "for-relays": "this is for relays",
    # users and grants
    "user-name": "a user name of 1 to 100 characters was expected",
    "user-taken": "there is a user {name} already",
    "user-unknown": "there is no user {name}",
    "user-gone": "there is no such user any more",
    "email-form": "an address as name@example.org was expected",
    "organisation-name": "a name of 1 to {most} characters was expected for an organisation",
    "organisation-taken": "there is an organisation {name} already",
    "organisation-unknown": "there is no organisation {name}",
    "organisation-needed": "there are people in the organisation {name}",
    "role-region": "the role of {kind} is for everywhere: only an administrator's has a region",
    "role-own": "nobody takes a role from themselves; let somebody else do it",
    "role-unknown": "they do not have the role {role}",
    "openid-none": "no OpenID Connect provider is set (oidc_issuer in remote.toml)",
    "openid-away": "the service that says who you are does not answer as it should; try again in a while",
    "openid-refused": "this did not show who you are; begin the login again",
    "openid-nobody": "the service knows you, but nobody here is known by that; ask whoever runs this remote",
    "identity-form": "the provider's own name for somebody has 1 to {most} characters",
    "identity-taken": "somebody is known as {subject} already",
    "identity-none": "the provider does not know {name} by anything",
    "second-there": "there is a second factor already",
    "second-none": "there is no second factor",
    "second-wrong": "this code is none of now, or was used",
    "first-code": "this code is not the one that was printed last, or was used, or is too old",
    "session-unknown": "there is no login {number}",
    "password-weak": "this password is guessed early; a few words that only you would put together are good",
    "password-wrong": "this is not your password",
    "password-short": "a password of at least {least} characters was expected",
    "grant-empty": "a grant names a region, a category, a label or a sensor",
    "grant-nothing": "a grant opens at least one quantity, and of a list of sensors or labels at least one",
    "grant-many": "a grant names {most} sensors, or labels, at most; name a label or a region",
    "grant-k": "the least number of sensors in a sum is from 1 (sensors may be looked at singly) to {most}",
    "grant-span": "a span ends after it begins",
    "grant-not-less": "a grant can be narrowed only; this would open more by its {what}",
    "grant-unknown": "there is no grant {number} to revoke",
    "token-name": "a name of 1 to {most} printable characters was expected, which says what the token is for",
    "token-days": "a token is good for 1 to {most} days",
    "token-many": "there are {most} tokens; end one of them first",
    "token-part": "a token opens sums as its owner's grants do, for its own time: what it opens has no smallest group and no end",
    "token-unknown": "there is no token {number}",
    "token-refused": "this token opens nothing: there is none such, or it has ended",
    "tokens-tried": "too many wrong tokens came from this address; wait a minute and try again",
    # applications of others
    "application-name": "a name of 1 to {most} printable characters was expected for an application",
    "application-taken": "there is an application {name} already",
    "application-unknown": "there is no application {name}",
    "redirect-form": (
        "people can be led back to an address of https://, or of http://127.0.0.1 or http://[::1] on their own machine; "
        "not to {address}"
    ),
    "redirect-many": "an application names 1 to {most} addresses to which people are led back",
    "consent-unknown": "there is no consent {number}",
    "consent-many": "{most} applications see something of yours; end one of them first",
    "oauth-request": "the application asked in a way that cannot be answered, so nothing was given to it ({why})",
    "quantity-unknown": 'unknown quantity "{name}"; known ones are: {known}',
    # requests for access, and who asks
    "request-step": 'a request that is "{state}" cannot go on with: {step}',
    "request-text": "{field}: a text of 1 to {most} characters was expected",
    "request-evidence": "a number or name by which a register finds you was expected: 1 to 64 letters, digits and . _ / -",
    "accounts-full": "too many accounts wait for access now; try again later, or ask whoever runs this remote",
    "request-days": "access for 1 to {most} days can be asked for",
    "request-many": "{most} requests of yours are open; withdraw one, or wait until one is decided",
    "requests-full": "too many requests are open now; try again later",
    "request-unknown": "there is no request {number}",
    "request-moved": "request {number} was changed in the meantime; look at it again",
    "request-own": "nobody decides on their own request",
    "registry-none": "there is no register that could be asked",
    "grant-same": "nothing was changed of grant {number}",
    "grant-not-asked": "request {number} does not ask for so much: {what}",
    "notice-request": "request {number} of {user} is now: {state}",
    "notice-refused": "request {number} of {user} was refused: {text}",
    "verify-by-hand": "an administrator knows who it is: {text}",
    "verify-away": "the register could not be asked ({why})",
    "verify-answer": "the register gave no answer of the form that was agreed on ({why})",
    "verify-nobody": "the register knows nobody such",
    "verify-differs": "the register does not say the same of: {field}",
    "verify-over": "the register has it only up to a day that is over",
    "verify-claims-old": "what the login service said of them is older than a day; they may log in there again",
    "verify-claim-differs": "the login service does not say the same of: {field}",
    "verify-claim-form": "the login service says nothing of {field}, or says it in another form",
    "verify-form": "the register's answer lacks {field}, or has it in another form",
    # sensors and relays
    "id-range": "an id is a number from 1 to 4294967295",
    "site-name": "a name of 1 to {most} characters was expected for the site",
    "zone-unknown": "a name of the IANA time zone database was expected, as Europe/Amsterdam",
    "zone-late": "there are readings already: whoever runs this remote can set time_zone in remote.toml",
    "name-missing": "a name is needed, so that people know what it is",
    "secret-length": "a secret of 32 bytes was expected",
    "key-id-range": "a key id is a number from 0 to 255",
    "sensor-labels": "a sensor needs a region and a category",
    "region-wrong": 'a region is 1 to {most} names of at most {characters} characters, with a "/" between two',
    "category-unknown": 'unknown category "{name}"; known ones are: {known}',
    "label-wrong": "a label has 1 to {most} characters",
    "labels-many": "sensor {sensor_id} has no room for more than {most} labels",
    "contract-unknown": "there is no contract {number}",
    "contract-span": "a contract ends after it begins, and not later than was said before",
    "contract-overlaps": "contract {number} of sensor {sensor_id} holds at that time",
    "sensor-taken": "sensor {sensor_id} is enrolled already",
    "sensor-unknown": "sensor {sensor_id} is not enrolled",
    "sensor-not-shared": "there is no sensor {sensor_id}, or it was not granted",
    "sensor-other-key": "sensor {sensor_id} is enrolled with another key",
    "relay-taken": "relay {relay_id} is enrolled already",
    "relay-unknown": "relay {relay_id} is not enrolled",
    "relay-not-to-replace": "relay {relay_id} is not enrolled, so there is nothing to replace",
    # enrolment files
    "enrolment-key": 'an enrolment key begins with "{prefix}"',
    "entry-not-ours": "sensor {sensor_id}: its entry was made for another remote, or was changed",
    "file-unreadable": "{path}: cannot be read",
    "file-unwritable": "{path}: cannot be written ({reason})",
    "enrolment-form": "this is no enrolment file of this version of gridecho",
    "file-no-enrolment": "{path}: is not an enrolment file of this version of gridecho",
    # groups of relays
    "group-name": "a group's name has 1 to {most} characters, and is not a number",
    "group-taken": "there is a group {name} already; choose another name",
    "group-unknown": "there is no group {name}",
    "relay-no-member": "relay {relay_id} is not in the group {name}",
    "term-endless": "a term ends after a time, after a number of forwards, or after what comes first: say one at least",
    "term-seconds": "a term has 1 second to 366 days",
    "term-forwards": "a term has 1 to 1,000,000,000 forwards",
    "term-unknown": "no term {number} of the group {name} is known",
    "period-range": "a sampling period has 1 second to an hour",
    "period-long": "the sampling period has to be shorter than the term",
    "no-other-proxy": "no other relay of the group {name} can be proxy now",
    # why a relay was chosen to be proxy, and why its term ended
    "said": "{text}",
    "chosen-first": "the first that was there",
    "chosen-left": "the only one left, with {readings}",
    "chosen-lot": "by lot among {among} with the least load: {readings}",
    "chosen-least": "the least load among {among}: {readings}",
    "ended-by-hand": "by hand",
    "ended-seconds": "after {seconds} s",
    "ended-forwards": "after {forwards} forwards",
    "ended-left": "left the group",
    "ended-late": "heartbeat late",
    "ended-no-url": "no group_url",
    "ended-lost": "lost: {said_by}",
    # orders
    "config-text": "config.json: expected UTF-8 text, without halves of surrogate pairs",
    "config-wrong": "config.json: {key}: expected {expected}",
    "config-long": "settings have at most {most} bytes, not {length}",
    "config-other": (
        "config.json: expected sensor_id {sensor_id} and key_id {key_id}, not {other_id} and {other_key_id}; these are not the "
        "settings of this sensor"
    ),
    "config-before-key": "sensor {sensor_id} is to get a new key, and with it another key_id in its settings",
    "firmware-long": "a firmware set has at most {most} bytes, not {length}",
    "firmware-wrong": "not a firmware set that a sensor takes ({what})",
    "firmware-cut": "the firmware set is cut short",
    "key-form": "a key id from 0 to 255 and a secret of 32 bytes were expected",
    "key-id-same": "sensor {sensor_id} has a key with id {key_id}",
    "orders-untold": "sensor {sensor_id} has not told yet which orders it has taken, so no key can be sent to it",
    "order-none-waits": "no order waits for sensor {sensor_id}",
    "order-key-stays": "a new key waits for sensor {sensor_id}; it may have it already, and would be cut off without it",
    # what relays bring and ask
    "relay-unproven": "the relay is not enrolled, or the proof is not its own",
    "encoding-unknown": "a batch comes as it is, or with Content-Encoding: deflate",
    "batch-long": "the batch is longer than this remote takes; send fewer frames",
    "batch-deflate": "not a batch: the deflated body does not inflate",
    "batch-wrong": "not a batch: {where}: {what}",
    "piece-wrong": "not a piece of an index: {where}: {what}",
    "index-often": "this relay has told so much of its index that others come first now; tell the rest later",
    "carry-wrong": "not a carry: {where}: {what}",
    "storage-full": "the remote has no room; nothing of this was stored, so keep it and try later",
    "storage-away": "the remote cannot reach or write its database now; nothing of this was stored, so keep it and try later",
    "heartbeat-wrong": "not a heartbeat: {count} fields are not as expected",
    "question-wrong": "a code, a nonce of 32 hex digits and a name were expected",
    "code-unknown": "this code is not known, was used, or has expired; ask for a new one",
    "order-none": "nothing waits for this sensor",
    # why something was not pulled
    "pull-unknown": "the relay is not enrolled any more",
    "pull-full": "the remote has no room",
    "pull-silent": "the relay did not call for an hour",
    "pull-late": "the relay is not heard of; it gets the request with its next heartbeat",
    "pull-busy": "the relay is asked for too much already",
    "pull-missing": "the relay said that it holds it, and did not bring it",
    "pull-more": "there is more than one request takes; ask again",
    "pull-not-asked": "the relay was not asked for it",
    "pull-waits": "not there yet; the relay gets the request with its heartbeat",
    # the database itself
    "database-there": "{name}: there is a database already",
    "database-damaged": "the database is damaged: {said}",
    "rows-foreign": "{rows} rows of {table} have a {column} that is not in {other}",
    "secret-closed": "the secret of {kind} {number} does not open with the key file",
    "file-there": "{path}: is there already",
    "tool-missing": "{tool} is not installed",
    "backup-failed": "this was not done: {said}",
    "backup-damaged": "{path}: cannot be read as a backup ({said})",
    "backup-other": "{path}: is no backup that can go into {name}",
    "backup-key": "{path}: was made with another key file",
    "shards-engine": "{name}: only a database on a PostgreSQL server can be spread",
    "shards-there": "{name}: is spread over data servers already",
    "shards-failed": "{name}: {said}",
    "shards-apart": "{name}: its data lie on other servers, and such a file would not have them",
    "copy-not-empty": "{name}: has something that no copy of this database left there",
    "copy-differs": "{table}: the two databases differ",
    "copy-other-key": "{path}: is another key file than that of this database",
    # what pages and addresses for programs answer whoever comes
    "log-in": "log in first",
    "password-first": "change the one-time password first",
    "nothing-here": "there is nothing here, or it has not been granted to you",
    "token-reads": "a token reads only; who wants to change something logs in",
    "csrf-missing": "what changes something needs the token that /api/v1/me tells, in the header X-CSRFToken",
    "body-json": "the body of the request is not JSON",
    "body-wrong": "what was sent is not as it should be, {where}: {what}",
    "method-wrong": "this address does not take that kind of request",
    "request-wrong": "this request cannot be answered: {what}",
    "host-wrong": "the name of the host in the request is none",
    "form-kind": "a form with files was sent; no page here has one",
    "too-large": "what was sent is larger than this address takes",
    "downloads-yours": "you have {most} downloads under way already; end one of them, or wait until it is done",
    "downloads-all": "too many downloads are under way; try again in a while",
    "live-all": "too many look at readings as they come; try again in a while",
    "live-here": "this server does not tell of readings as they come",
    "live-not-open": "readings of sensor {sensor_id} are not open to you as they come",
    "live-sensors": "1 to {most} sensors were expected",
    "live-slow": "what was sent is not taken in",
    "live-stopping": "the remote stops; come again",
    "live-yours": "you look at readings as they come in {most} places already; leave one of them",
    "calls-many": "this is called {most} times a minute at most; wait a minute and go on",
    "too-many-tries": "too many wrong passwords; wait a minute and try again",
    "failed": "the remote failed at this; its log says why",
    "form-old": "this form is too old, or your browser sent no cookie. Go back, reload the page and try again",
    "cookie-https": (
        "your browser sent no cookie: this remote gives them over https only (secure_cookies in remote.toml), and you came by "
        "http. Open its https address; or, for a trial without TLS, set secure_cookies = false"
    ),
    # readings
    "audit-busy": "the audit is being verified for somebody else; try again when that is done",
    "audit-changed": "row {id} of the audit, or the one before it, is not as it was written",
    "audit-missing": "rows {first} to {last} of the audit are missing",
    "audit-anchor": "row {id} of the audit is another one than was noted outside the database",
    "anchors-wrong": "{path}: line {line} is not a day, the number of a row and its digest, or contradicts one before it",
    "block-torn": "readings of sensor {sensor_id} of {day} (UTC) are damaged in the database; ask for others, or for other days",
    "block-torn-undated": "readings without a time of sensor {sensor_id} are damaged in the database (epoch {epoch}, seq {seq})",
    "times-beyond": "these times would lie beyond what can be said; give another first time or period",
    "none-undated": "sensor {sensor_id} has no undated readings in epoch {epoch}",
    "dated-cut": (
        "of the readings of sensor {sensor_id} in epoch {epoch} that were dated some are past their age and deleted; the "
        "others keep their times"
    ),
    "query-number": '"{name}": a whole number from {least} to {most} was expected',
    "query-span": '"from" is later than "to"',
    "query-quantity": '"quantities": {name} is not an OBIS name that is known here',
    "query-choice": '"{name}": one of {choices} was expected',
    "query-text": '"{name}": a text of at most {most} characters was expected',
    "query-date": '"{name}": a date as 2027-01-31 was expected',
    "query-days": '"from" is to be before "to", and in one answer there are {most} days at most for this unit',
    "query-register": '"quantities" is to name exactly one register',
    "query-points": '"points" needs exactly one quantity in "quantities"',
    "query-after": '"after": take it from "next" of the answer before',
    "import-ahead": "they lie ahead of now",
    "import-cells": "{there} cells where {expected} were expected",
    "import-column": "the column {name} is neither a time nor a quantity by its OBIS name",
    "import-columns": (
        'the first line is to name the columns: "time", "utc" or "local", and quantities by their OBIS names, each once'
    ),
    "import-day-gone": "readings of these days are past their age here, and deleted",
    "import-green-kind": "unit {uom} with flow {flow} is nothing that can be taken in: energy (72) and power (38), flow 1 or 19",
    "import-busy": "another file is being read just now; try again in a minute",
    "import-gzip": "this is not packed by gzip, as was said",
    "import-large": "the file is larger than {most} MiB; divide it",
    "import-lines": "lines that cannot be read: {count}, the first is line {line}; a preview names them, and nothing was taken in",
    "import-many": "there are more than {most} readings in it; divide it",
    "import-meters": "there are more than {most} meters in it; divide it",
    "import-no-green": "this is no Green Button file with readings",
    "import-no-register": "no reading of this register in the time that is yours says where it stood",
    "import-not-of-yours": "they are not of the time of your contract",
    "import-not-yours": "only whose readings they are, and who runs this remote, may take files into a sensor",
    "import-nothing": "there is nothing in it that is not here already or that may be taken in; a preview says why",
    "import-overlap": "it begins before the one before it ends",
    "import-span": "it reaches over more than {most} years; divide it",
    "import-text": "this is no text in UTF-8",
    "import-there": "there are readings of these times already",
    "import-time": "a time was expected, in whole seconds",
    "import-time-beyond": "times are from 1970 to 2106",
    "import-time-never": "clocks were put forward over that time: there was none such",
    "import-twice": "there is a value of that time already",
    "import-unknown": "there is no import {number} that you could take back",
    "import-unit": "the column {name} is to be in {unit}, or in thousands of it",
    "import-value": "{column}: a whole number of the unit that is kept was expected",
    "import-value-beyond": "a value beyond what a reading holds",
    "imports-many": "{most} files are in this sensor already, which is the most; take one back",
}

# What an operator types next, behind the sentence.
_HINTS = {
    "user-taken": "for a new password use: gridecho remote user reset {name}",
    "user-unknown": "see: gridecho remote user list",
    "organisation-unknown": "see: gridecho remote organisation list",
    "organisation-needed": "see: gridecho remote user list",
    "role-unknown": "see: gridecho remote user list",
    "session-unknown": "see: gridecho remote user logins NAME",
    "grant-unknown": "see: gridecho remote grant list",
    "token-unknown": "see: gridecho remote tokens list NAME",
    "application-taken": "end it first with: gridecho remote applications end NAME",
    "application-unknown": "see: gridecho remote applications list",
    "sensor-taken": (
        "choose another id. To give it a new key say another --key-id, or have its board at a cable: "
        "gridecho flash rekey --port PORT --enrol remote"
    ),
    "sensor-other-key": ("if this board replaces that one: gridecho remote enrol import --replace {sensor_id} FILE"),
    "import-unknown": "see: gridecho remote imports list",
    "contract-unknown": "see: gridecho remote contract list",
    "contract-overlaps": "end it first with: gridecho remote contract end {number} --at TIME",
    "relay-taken": "choose another id, or, if that one is lost, say --replace",
    "relay-unknown": "see: gridecho remote relays",
    "enrolment-key": "the remote prints it: gridecho remote enrol key",
    "group-unknown": "see: gridecho group list",
    "term-unknown": "see: gridecho group show {name}",
    "no-other-proxy": "see: gridecho group show {name}",
    "config-before-key": "push them when that order is done with: gridecho remote orders",
    "firmware-wrong": "make one with: gridecho flash package",
    "firmware-cut": "make it again with: gridecho flash package",
    "key-id-same": "a new one needs another --key-id",
    "orders-untold": (
        "wait until it reports, or have its board at a cable: gridecho flash rekey --port PORT --enrol remote"
    ),
    "order-none-waits": "see: gridecho remote orders",
    "order-key-stays": "to give it another one instead: gridecho remote enrol sensor --id {sensor_id} --key-id ...",
    "none-undated": "see: gridecho remote undated",
    "database-there": "nothing was changed",
    "tool-missing": "it comes with PostgreSQL's client programs; on Debian: apt-get install postgresql-client",
    "backup-other": "restore it to where it came from; from there: gridecho remote copy",
    "backup-key": "give the one it was made with",
    "shards-engine": "from here to there: gridecho remote copy",
    "shards-failed": "nothing was changed here; docs/scale.md says what each server needs",
    "shards-apart": "use what each server has of its own; see docs/scale.md",
    "copy-not-empty": "give an empty database",
    "copy-differs": "start it again",
    "copy-other-key": "both settings have the same key_file",
}


def said(reason: Reason, language: Language = ENGLISH) -> str:
    """Why something came to be, as a part of a sentence; empty if there is nothing to say."""
    return _filled(reason.code, reason.fields, language, _COUNTED) if reason.code else ""


def with_reasons(told: Any) -> Any:
    """The same plain data, each reason in it as its words: for JSON."""
    if isinstance(told, Reason):
        return said(told)
    if isinstance(told, dict):
        return {name: with_reasons(value) for name, value in told.items()}
    return [with_reasons(one) for one in told] if isinstance(told, list) else told


def _filled(code: str, fields: Mapping[str, Any], language: Language, how: Mapping[str, _How]) -> str:
    shown = {name: how[name](value, language) if name in how else value for name, value in fields.items()}
    return language.say(SENTENCES[code]).format_map(shown)


def _readings(count: int, language: Language) -> str:
    return language.say_many("{count} reading", "{count} readings", count)


def _said_by(relays: list[tuple[int, str]], language: Language) -> str:
    return language.listed([language.say("relay {relay} says {text}", relay=one, text=text) for one, text in relays])


def _word(word: Any, language: Language) -> str:
    return language.say(word) if isinstance(word, str) else str(word)


# Fields that are words of ours; and, in a reason, those that are more than a number or a text.
_WORDS: dict[str, _How] = {"state": _word, "step": _word, "kind": _word}
_COUNTED: dict[str, _How] = _WORDS | {"readings": _readings, "said_by": _said_by}


def sentence(error: RemoteError, language: Language = ENGLISH) -> str:
    """What was wrong, as a sentence for a page or an answer."""
    return language.sentence(_filled(error.code, error.fields, language, _WORDS))


def at_terminal(error: RemoteError) -> str:
    """What was wrong, and what to type next, as a part of a line at a terminal."""
    said, hint = SENTENCES[error.code], _HINTS.get(error.code)
    return (f"{said}; {hint}" if hint else said).format_map(error.fields)
