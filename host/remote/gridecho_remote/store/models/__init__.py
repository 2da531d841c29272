"""The remote's tables, a file a subject. Models carry no database: every query is executed on the one of an open `Archive`.

Times are UTC: `_s` Unix seconds, `_ms` milliseconds. Ids of sensors and relays, epochs and seqs are unsigned 32-bit numbers.
"""

from peewee import CharField, Model, TextField

from .aside import Quarantine, SetAside
from .groups import Bar, Group, Member, Term
from .imports import Import
from .live import Interest
from .people import Audit, Grant, HeldRole, Identity, Look, Organisation, Recovery, Session, Totp, Tries, User
from .places import Contract, Label
from .readings import Block, DayRollup, HourRollup, Loose, Stale
from .relays import Bringer, EnrolCode, Holding, PullRequest, Relay, RelayState
from .requests import AccessRequest, Notice
from .sensors import FAILED, REPLACED, TAKEN, WAITING, WITHDRAWN, Order, OrderContent, Route, Sensor, SensorKey, State
from .sums import GivenClasses, GivenSum
from .tokens import Application, Consent, Token

__all__ = (
    "FAILED",
    "REPLACED",
    "SCHEMA_VERSION",
    "TABLES",
    "TAKEN",
    "WAITING",
    "WITHDRAWN",
    "AccessRequest",
    "Application",
    "Audit",
    "Bar",
    "Block",
    "Bringer",
    "Consent",
    "Contract",
    "DayRollup",
    "EnrolCode",
    "GivenClasses",
    "GivenSum",
    "Grant",
    "Group",
    "HeldRole",
    "Holding",
    "HourRollup",
    "Identity",
    "Import",
    "Interest",
    "Label",
    "Look",
    "Loose",
    "Member",
    "Meta",
    "Notice",
    "Order",
    "OrderContent",
    "Organisation",
    "PullRequest",
    "Quarantine",
    "Recovery",
    "Relay",
    "RelayState",
    "Route",
    "Sensor",
    "SensorKey",
    "Session",
    "SetAside",
    "Stale",
    "State",
    "Term",
    "Token",
    "Totp",
    "Tries",
    "User",
)

# 1: without Order, OrderContent and State; 2: without Holding, RelayState, PullRequest and EnrolCode;
# 3: without Group, Member, Term, Bar and User.admin
# 4: without Datum.level, undated, dated_s and step_s, Sensor.levels and User.key; 5: without SensorKey; 6: without Audit and Tries
# 7: with Datum in place of Block; without Stale, Loose, DayRollup and HourRollup
# 8: without SetAside, Bringer and what RelayState says of its index; 9: without Audit.digest; 10: without Label and Contract
# 11: with User.admin in place of HeldRole; without Organisation
# 12: with User.session in place of Session
# 13: of Grant only region, category, sensor_id, quantities, expires_s
# 14: without Totp and Recovery; 15: without Identity; 16: without AccessRequest and Notice; 17: without GivenSum and GivenClasses
# 18: without Application, Consent and Token
# 19: without Look and Identity.claims
# 20: without Interest; 23: without Import
SCHEMA_VERSION = 26


class Meta(Model):
    """Facts about the database itself: schema_version, key_check, keys_version, orders_version."""

    key = CharField(primary_key=True)
    value = TextField()


TABLES: tuple[type[Model], ...] = (
    Meta,
    Organisation,
    User,
    HeldRole,
    Session,
    Totp,
    Recovery,
    Identity,
    Grant,
    AccessRequest,
    Notice,
    GivenSum,
    GivenClasses,
    Application,
    Consent,
    Token,
    Interest,
    Sensor,
    SensorKey,
    Label,
    Contract,
    Relay,
    RelayState,
    Holding,
    PullRequest,
    EnrolCode,
    Group,
    Member,
    Term,
    Bar,
    Block,
    Stale,
    Loose,
    DayRollup,
    HourRollup,
    Import,
    Route,
    Quarantine,
    SetAside,
    Bringer,
    OrderContent,
    Order,
    State,
    Audit,
    Look,
    Tries,
)
