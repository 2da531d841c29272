"""Sensors, their keys, what they told of themselves, and what they are to take over."""

from peewee import (
    AutoField,
    BigIntegerField,
    BlobField,
    CharField,
    CompositeKey,
    IntegerField,
    Model,
    SmallIntegerField,
    TextField,
)


class Sensor(Model):
    """An enrolled sensor. `seen_mask` and `levels` sum up its data: all quantities seen, all length classes (levels.py).

    `changes` is another number once readings with a time came, went, or got other times: what was kept of before holds no more.
    """

    id = BigIntegerField(primary_key=True)
    name = TextField()
    region = TextField(index=True)
    category = TextField(index=True)
    key_id = SmallIntegerField()
    wrapped_root = BlobField()
    enrolled_s = BigIntegerField()
    seen_mask = BigIntegerField(default=0)
    levels = BigIntegerField(default=0)
    changes = BigIntegerField(default=0)


class SensorKey(Model):
    """A root key of a sensor beside the one that it has: number 0 is the one to come, from 1 on those it had, the newest last."""

    sensor_id = BigIntegerField()
    key_id = SmallIntegerField()
    number = IntegerField()
    wrapped = BlobField()

    class Meta:
        table_name = "sensor_key"
        primary_key = CompositeKey("sensor_id", "key_id", "number")


class State(Model):
    """What a sensor last told of itself: the newest value of each code from 40 on, and in which datum it came."""

    sensor_id = BigIntegerField()
    code = SmallIntegerField()
    value = BigIntegerField()
    epoch = BigIntegerField()
    seq = BigIntegerField()
    item = IntegerField()
    time_s = BigIntegerField()

    class Meta:
        primary_key = CompositeKey("sensor_id", "code")
        without_rowid = True


class Route(Model):
    """A route that a sensor reported: its target relay and the RTT to it. Kept as history."""

    sensor_id = BigIntegerField()
    epoch = BigIntegerField()
    seq = BigIntegerField()
    item = IntegerField()
    time_s = BigIntegerField()
    relay_id = BigIntegerField()
    rtt_us = BigIntegerField()

    class Meta:
        primary_key = CompositeKey("sensor_id", "epoch", "seq", "item")
        without_rowid = True


# What became of an order.
WAITING, TAKEN, FAILED, REPLACED, WITHDRAWN = "waiting", "taken", "failed", "replaced", "withdrawn"


class OrderContent(Model):
    """Settings or a firmware set, wrapped; one firmware set serves many orders."""

    id = AutoField()
    wrapped = BlobField()

    class Meta:
        table_name = "order_content"


class Order(Model):
    """What a sensor is to take over. `version` grows per sensor; `state` is one of the above; replaced: by a newer one."""

    sensor_id = BigIntegerField()
    version = BigIntegerField()
    kind = SmallIntegerField()
    state = CharField(index=True)
    size = IntegerField()
    content = IntegerField()
    created_s = BigIntegerField()

    class Meta:
        table_name = "orders"
        primary_key = CompositeKey("sensor_id", "version")
