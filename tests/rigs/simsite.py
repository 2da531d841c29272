"""A whole site on virtual time: the remote's application, relays of their real works, and datagrams between them and sensors."""

from collections import deque
from contextlib import ExitStack

from gridecho.states import is_state
from gridecho_relay.carry_api import carry_api
from gridecho_relay.metrics import registry_of
from gridecho_relay.report import Reporter
from gridecho_relay.settings import RelaySettings
from gridecho_relay.status import create_app as create_page
from gridecho_relay.works import Works
from gridecho_remote import create_archive
from gridecho_remote.app import create_app
from gridecho_remote.settings import RemoteSettings
from gridecho_remote.store.enrol import enrol_relay, enrol_sensor
from gridecho_remote.store.groups import add_group, join
from gridecho_remote.use.site import site_of
from gridecho_remote.web.context import connections_of

from tests.rigs import stored
from tests.rigs.group_records import Records
from tests.rigs.load import root_of
from tests.rigs.simload import SimLoad
from tests.rigs.simtime import UTC_AT_0_MS, Host, Time
from tests.rigs.simweb import Web

REMOTE_URL = "http://remote.example"
MOST_AT_ONCE = 512  # datagrams that a relay drains
SENSORS_EACH = 3
CARRY = "/relay/v1/carry"
DATA_PATHS = ("/relay/v1/batch", "/relay/v1/index", CARRY)


class SimRelay:
    """A relay on a host of its own, which may be killed and started again on what it has on disk."""

    def __init__(self, site, relay_id, secret, ahead_ms, settings):
        self.relay_id, self.secret = relay_id, secret
        self.url = f"http://relay-{relay_id}.example:4691"
        self.host = Host(site.time, ahead_ms)
        self.latest_s = 0.0  # when it last began to run
        self._site = site
        data_dir = site.folder / f"relay-{relay_id}"
        data_dir.mkdir(exist_ok=True)
        self.settings = RelaySettings(
            relay_id=relay_id, remote=REMOTE_URL, data_dir=data_dir, group_url=self.url, **settings
        )
        self._waiting = deque()  # in its socket
        self._asked = []
        self._came = site.time.condition()
        self._opened = None

    def start(self):
        self._opened = ExitStack()
        web, clock = self._site.web, self.host.clock
        self.works = Works(
            self.settings, self.secret, lambda: self.report.beat(), self._opened, clock, web.pools(self.host)
        )
        self.report = Reporter(self.settings, self.works, self, None)
        appointed = self.works.delivery.appointed
        page = create_page(
            self.report,
            registry_of(self.report, self.report.latencies),
            [carry_api(self.works.carrier, appointed, lambda _: None)],
        )
        web.serve(self.url, page, self.host)
        for loop in (self.works.carrier.run, self.works.forwarder.run, self.works.heartbeat.run, self._serve):
            self.host.spawn(loop)

    def kill(self):
        self._site.web.cut(self.host)
        self.host.kill()
        self._waiting.clear()
        self._opened.close()

    def take(self, datagram, back):
        """A datagram arrives; `back` takes the reply to it."""
        if self.host.tasks:
            self._waiting.append((datagram, back))
            self._came.notify()

    def flush(self):
        self.works.drain.flush()
        self.works.ledger.close()

    @property
    def errors(self):
        return self.works.forwarder.errors + self.works.heartbeat.errors + self.works.carrier.errors

    # --- its socket ---

    address, replies_lost = "udp.example:4690", 0

    def receive(self, taken):
        del self._asked[taken:]
        datagrams = []
        while self._waiting and len(self._asked) < MOST_AT_ONCE:
            datagram, back = self._waiting.popleft()
            datagrams.append(datagram)
            self._asked.append(back)
        return datagrams

    def send(self, replies):
        for place, reply in replies:
            self._asked[place](reply)

    def _serve(self):
        try:
            while True:
                self._came.wait_for(lambda: self._waiting)
                self.works.drain(self)
        finally:
            self.works.ledger.close()


class SimSite(Records):
    """A remote and relays that know each other. `groups` has members by name, `sensors` root keys by id; without it each relay
    has sensors of its own: `sensors_of`.
    """

    def __init__(
        self,
        folder,
        relay_ids,
        groups=None,
        sensors=None,
        after_s=2,
        period_s=1,
        one_way_s=0.002,
        ahead_ms=None,
        **settings,
    ):
        """`ahead_ms`: how wrong the clocks of relays are."""
        self.folder = folder
        self.time = Time()
        self.web = Web(self.time, one_way_s)
        self.archive = create_archive(folder / "remote.sqlite", bytes(range(32)))
        remote = RemoteSettings(database=str(folder / "remote.sqlite"), min_free_mb=0)
        app = create_app(site_of(remote, self.archive, lambda: self.utc_ms / 1000))
        self.connections = connections_of(app)
        self.connections.open_now = lambda: {one.address for one in self.web.open}
        self.web.serve(REMOTE_URL, app)
        self.web.on_request = self._look_at
        self.too_many = []  # connections for data: (s, term, relays that have one)
        self._with_data = set()
        self.relays = {
            relay_id: SimRelay(
                self, relay_id, relay_id.to_bytes(32, "big"), (ahead_ms or {}).get(relay_id, 0), settings
            )
            for relay_id in relay_ids
        }
        group_ids = {}
        with self.archive.db.atomic():
            for relay in self.relays.values():
                enrol_relay(self.archive, relay.relay_id, f"relay {relay.relay_id}", relay.secret)
                for sensor_id in self.sensors_of(relay.relay_id) if sensors is None else ():
                    enrol_sensor(self.archive, sensor_id, f"sensor {sensor_id}", "x", "y", root_of(sensor_id), 0)
            for sensor_id, root in (sensors or {}).items():
                enrol_sensor(self.archive, sensor_id, f"sensor {sensor_id}", "x", "y", root)
        for name, members in (groups or {}).items():
            group = add_group(self.archive, name, self.utc_ms, after_s=after_s, period_s=period_s)
            join(self.archive, group, members, self.utc_ms)
            group_ids[name] = group.id
        super().__init__(folder / "remote.sqlite", group_ids)
        self.archive.db.close()

    @property
    def utc_ms(self):
        return UTC_AT_0_MS + self.time.us // 1000

    def start(self):
        """All relays, until each has the keys."""
        for relay in self.relays.values():
            relay.start()
        self.time.wait_for(lambda: all(relay.works.ingest.links for relay in self.relays.values()), "the keys")

    def empty_relays(self):
        """All that they hold goes to the remote."""

        def empty():
            held = [relay for relay in self.relays.values() if relay.works.ledger.holding.readings]
            for relay in held:
                relay.flush()
            return not held

        self.time.wait_for(empty, "empty relays", every_s=0.2)
        # An index that names nothing: a piece may be on its way still.
        self.time.wait_for(lambda: not self.query("SELECT 1 FROM holding LIMIT 1"), "an empty index", every_s=0.2)
        assert not self.too_many, self.too_many[:9]
        assert not any(relay.errors for relay in self.relays.values())

    def readings_of(self, sensor_id):
        """Every reading of the sensor at the remote, in the order of its energy; its own state left out."""
        rows = self.query(f"{stored.BLOCKS} WHERE sensor_id = ?", sensor_id)
        every = [one.values for datum in stored.data(rows) for one in datum.readings()]
        return sorted((one for one in every if not is_state(max(one))), key=lambda values: values[0])

    def load(self, relay_id, **how):
        """Sensors of a relay that send to it; not started."""
        return SimLoad(self, relay_id, self.sensors_of(relay_id), **how)

    @staticmethod
    def sensors_of(relay_id):
        return [100 * relay_id + n for n in range(SENSORS_EACH)]

    def _turn_of(self, host):
        """(group, term) by whose proxy a relay's data go; None: they go straight to the remote."""
        delivery = next(relay for relay in self.relays.values() if relay.host is host).works.delivery
        turn = delivery.turn if delivery.goes_by_group else None
        return turn and (turn.group_id, turn.term)

    def _look_at(self, connection, path):
        # When the proxy of a group brings something, nobody else of the group has a connection for data, but for who has not heard
        # of the newest turn, or holds the proxy for lost, or has something on its way.
        if path not in DATA_PATHS:
            return
        self._with_data = {one for one in self._with_data if one in self.web.open} | {connection}
        for one in self._with_data - {connection}:
            turn = self._turn_of(one.client)
            if path == CARRY and turn is not None and one.answer is None and not one.client.stopped:
                proxy = self.query(
                    "SELECT proxy FROM group_term WHERE group_id = ? AND number = ? AND ended_ms IS NULL", *turn
                )
                if proxy and self.relays[proxy[0][0]].host is connection.client:
                    self.too_many.append((self.time.now_s, turn))

    def close(self):
        for relay in self.relays.values():
            relay.host.go_on()
            if relay.host.tasks:
                relay.kill()
        self.archive.close()
