"""Readings as blocks, and what is known of them by day and hour."""

from peewee import (
    BigIntegerField,
    BlobField,
    CompositeKey,
    IntegerField,
    Model,
    SmallIntegerField,
)


class Block(Model):
    """A run of data of one sensor and epoch, without a hole from `first_seq` to `last_seq`, and each once (data.py, blocks.py).

    `first_s` and `last_s` are the earliest and latest of its dated readings (0: there are none), `level` its length class; `mask`
    has all its quantities. So many of its readings are `undated`; `dated`: an administrator dated some. `cut`: quantities of it
    were deleted for their age. `stored_ms`: when the last of it came.
    """

    sensor_id = BigIntegerField()
    epoch = BigIntegerField()
    first_seq = BigIntegerField()
    last_seq = BigIntegerField()
    level = SmallIntegerField()
    first_s = BigIntegerField()
    last_s = BigIntegerField()
    mask = BigIntegerField()
    readings = IntegerField()
    undated = IntegerField()
    dated = SmallIntegerField()
    cut = SmallIntegerField()
    stored_ms = BigIntegerField()
    content = BlobField()

    class Meta:
        primary_key = CompositeKey("sensor_id", "epoch", "first_seq")
        # By time; with the ends, so that what is missing is told without a look into the blocks.
        indexes = ((("sensor_id", "level", "first_s", "epoch", "first_seq", "last_seq", "last_s"), False),)


Block.add_index(
    Block.sensor_id, Block.epoch, Block.first_seq, where=(Block.undated > 0) | (Block.dated > 0), name="block_undated"
)


class Stale(Model):
    """A day of a sensor whose rollups do not hold any more."""

    sensor_id = BigIntegerField()
    day = IntegerField()

    class Meta:
        primary_key = CompositeKey("sensor_id", "day")
        without_rowid = True


class Loose(Model):
    """A day of a sensor whose blocks have not been made compact since something came."""

    sensor_id = BigIntegerField()
    day = IntegerField()

    class Meta:
        primary_key = CompositeKey("sensor_id", "day")
        without_rowid = True


class DayRollup(Model):
    """What is known of each quantity in `mask` over a day of the site's (rollups.py); `day` as days.py numbers them.

    Of the quantities in `cut` there were readings that are deleted.
    """

    sensor_id = BigIntegerField()
    day = IntegerField()
    mask = BigIntegerField()
    cut = BigIntegerField()
    stats = BlobField()

    class Meta:
        table_name = "day_rollup"
        primary_key = CompositeKey("sensor_id", "day")
        without_rowid = True


class HourRollup(Model):
    """The same over each hour of a day."""

    sensor_id = BigIntegerField()
    day = IntegerField()
    stats = BlobField()

    class Meta:
        table_name = "hour_rollup"
        primary_key = CompositeKey("sensor_id", "day")
