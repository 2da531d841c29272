"""One sensor's datum, key, order or request that cannot be holds up no other's; and what the remote refuses is said."""

import json

import pytest
import urllib3
from gridecho import frames
from gridecho.holdings import ANY

from tests.rigs.waiting import wait_for


def test_a_datum_of_epoch_0_is_refused_by_the_relay_and_the_index_goes_on(workshop):
    odd, other = workshop.sensor(1), workshop.sensor(2)
    relay = workshop.relay()
    odd.epoch = 0
    for op in (frames.STORE, frames.SEND):
        odd.send(odd.data(op))
    stored = other.data()
    assert other.ask(stored).kind == frames.ACK
    wait_for(lambda: list(workshop.remote.index) == [stored[4:16]])
    assert odd.hears_nothing(beside=other)
    assert relay.report()["refused"]["junk"] == 2
    assert len(workshop.rows()) == 2


def test_a_relay_that_took_one_in_before_tells_its_index_and_serves_pulls_all_the_same(workshop, monkeypatch):
    odd, other = workshop.sensor(1), workshop.sensor(2)
    odd.epoch = 0
    with monkeypatch.context() as as_before:
        as_before.setattr("gridecho.intake.header_problem", lambda head: None)
        relay = workshop.relay(index_every_s=3600)
        stored = [odd.data(), other.data(), odd.data(), other.data()]
        for sensor, datagram in zip((odd, other, odd, other), stored, strict=True):
            assert sensor.ask(datagram).kind == frames.ACK
        workshop.stop(relay)
    relay = workshop.relay()
    wait_for(lambda: sorted(workshop.remote.index) == sorted(one[4:16] for one in stored[1::2]))
    wait_for(lambda: not relay.report()["index_behind"])
    workshop.remote.want(5, (2, 0, 0, ANY, 0, ANY), (1, 0, 0, ANY, 0, ANY))
    wait_for(lambda: workshop.remote.pulled == {5: 4})
    assert workshop.rows() == []


def test_rows_that_no_index_can_name_are_passed_over_and_told_no_second_time(workshop, monkeypatch):
    odd = workshop.sensor(1)
    odd.epoch = 0
    monkeypatch.setattr("gridecho.intake.header_problem", lambda head: None)
    relay = workshop.relay()
    assert odd.ask(odd.data()).kind == frames.ACK
    wait_for(lambda: not relay.report()["index_behind"] and workshop.remote.known_to == 1)
    assert workshop.remote.index == {}


def test_one_bad_entry_of_a_list_spoils_no_other(workshop, caplog):
    good, ordered = workshop.sensor(1), workshop.sensor(2)
    workshop.remote.order(ordered, 5, b"{}")
    fine = {"sensor_id": 9, "key_id": 0, "up": "00" * 16, "down": "00" * 16}
    workshop.remote.also_keys = [fine | {"up": "no hex"}, fine | {"sensor_id": 1 << 32}, None, {"sensor_id": 9}]
    workshop.remote.also_orders = [{"sensor_id": 1, "key_id": 0, "version": 1 << 53}, "junk"]
    workshop.remote.also_pulls = [None, "zz", "00" * 100, 7, "00" * (40 << 10)]
    relay = workshop.relay()
    datagram = good.data()
    assert good.ask(datagram).kind == frames.ACK
    wait_for(lambda: relay.report()["orders_waiting"] == 1)
    assert relay.report()["sensors"] == 2
    assert ordered.ask(ordered.probe()).status == frames.ORDER_WAITING
    workshop.remote.want(77, (1, 0, 0, ANY, 0, ANY))
    wait_for(lambda: workshop.remote.pulled == {77: 1})
    assert "entry-left-out" in caplog.text
    report = relay.report()
    assert (report["keys_left_out"], report["orders_left_out"]) == (4, 2)
    assert "gridecho_relay_orders_left_out 2.0" in metrics(relay)
    workshop.remote.also_orders = []
    workshop.remote.orders_version += 1
    wait_for(lambda: relay.report()["orders_left_out"] == 0)


@pytest.mark.parametrize("instead", [(500, b""), (200, b"no list")])
def test_orders_that_are_not_to_be_had_slow_no_heartbeat_and_no_request_down(workshop, monkeypatch, instead):
    """Each failure made the next heartbeat wait longer, up to 10 s: the relay was late, and so were all requests."""
    sensor = workshop.sensor()
    relay = workshop.relay()
    assert sensor.ask(sensor.data()).kind == frames.ACK
    asked = []
    monkeypatch.setattr(workshop.remote, "orders", lambda *_: asked.append(len(workshop.remote.beats)) or instead)
    workshop.remote.orders_version += 1
    wait_for(lambda: len(asked) >= 3)
    wait_for(lambda: len(workshop.remote.beats) - asked[0] - len(asked) >= 20)
    workshop.remote.want(77, (1, 0, 0, ANY, 0, ANY))
    wait_for(lambda: workshop.remote.pulled == {77: 1})
    monkeypatch.undo()
    workshop.remote.order(sensor, 5, b"{}")
    wait_for(lambda: relay.report()["orders_waiting"] == 1)
    assert relay.report()["errors"] == 0


def test_keys_that_are_not_to_be_had_keep_no_request_and_no_order_back(workshop, monkeypatch):
    sensor = workshop.sensor()
    relay = workshop.relay()
    assert sensor.ask(sensor.data()).kind == frames.ACK
    keys = workshop.remote.keys
    monkeypatch.setattr(
        workshop.remote,
        "keys",
        lambda path, authorization: (500, b"") if "/keys" in path else keys(path, authorization),
    )
    workshop.remote.order(sensor, 5, b"{}")
    workshop.remote.version += 1
    workshop.remote.want(77, (1, 0, 0, ANY, 0, ANY))
    wait_for(lambda: workshop.remote.pulled == {77: 1} and relay.report()["orders_waiting"] == 1)


def test_an_order_that_is_not_to_be_had_keeps_no_other_back(workshop, monkeypatch):
    one, other = workshop.sensor(1), workshop.sensor(2)
    for sensor in (one, other):
        workshop.remote.order(sensor, 5, b"{}")
    relay = workshop.relay()
    wait_for(lambda: relay.report()["orders_waiting"] == 2)
    orders = workshop.remote.orders
    broken = f"/orders/{one.sensor_id}?"
    monkeypatch.setattr(
        workshop.remote,
        "orders",
        lambda path, authorization: (500, b"") if broken in path else orders(path, authorization),
    )
    shelf = relay._shelf
    shelf._wanted = {(1, 0), (2, 0)}
    shelf.on_wanted()
    wait_for(lambda: (2, 0) in shelf._sealed)
    assert relay.report()["errors"] == 0


def problem(status, detail):
    body = {"type": "about:blank", "title": "Error", "status": status, "detail": detail}
    return status, {"Content-Type": "application/problem+json"}, json.dumps(body).encode()


def page(relay):
    return urllib3.request("GET", f"{relay.status_url}/").data.decode()


def metrics(relay):
    return urllib3.request("GET", f"{relay.status_url}/metrics").data.decode()


def test_a_refusal_by_the_remote_is_a_state_with_its_reason(workshop, monkeypatch):
    sensor = workshop.sensor()
    relay = workshop.relay()
    wait_for(lambda: workshop.remote.told)
    assert 'gridecho_relay_remote_refuses{what="index"} 0.0' in metrics(relay)
    # Only the index is refused: the heartbeat goes on.
    handler = workshop.remote._server.RequestHandlerClass
    answer = handler.do_POST

    def refusing(self):
        workshop.remote.instead = (
            problem(400, "Not a piece of an index: <so it says>.") if "/index" in self.path else None
        )
        answer(self)

    monkeypatch.setattr(handler, "do_POST", refusing)
    assert sensor.ask(sensor.data()).kind == frames.ACK
    wait_for(lambda: "index" in relay.report()["remote_refuses"])
    assert relay.report()["remote_refuses"] == {"index": "HTTP 400: Not a piece of an index: <so it says>."}
    beats = len(workshop.remote.beats)
    wait_for(lambda: len(workshop.remote.beats) > beats)
    report = relay.report()
    assert (report["remote_reachable"], report["remote_problem"], report["index_behind"]) == (True, "", 1)
    assert "the remote refuses index: HTTP 400: Not a piece of an index: &lt;so it says&gt;." in page(relay)
    assert 'gridecho_relay_remote_refuses{what="index"} 1.0' in metrics(relay)
    monkeypatch.setattr(handler, "do_POST", answer)
    workshop.remote.instead = None
    relay._works.teller._next_s = 0.0
    wait_for(lambda: relay.report()["remote_refuses"] == {})


@pytest.mark.parametrize(
    ("instead", "said"),
    [
        ((301, {"Location": "https://new.example/x"}, b""), "HTTP 301: it sends on to https://new.example/x"),
        (
            (302, {"Location": "http://portal.example/login"}, b"<html>"),
            "HTTP 302: it sends on to http://portal.example",
        ),
        ((200, {"Content-Type": "text/html"}, b"<html>welcome to this hotel</html>"), "a heartbeat in another form"),
        ((200, {"Content-Type": "application/json"}, b"{}"), "a heartbeat in another form"),
        (
            (404, {"Content-Type": "text/html"}, b"<html>no such page</html>"),
            "HTTP 404, which is no answer of a gridecho",
        ),
        ((401, {"Content-Type": "text/html"}, b"<html>log in</html>"), "HTTP 401"),
        ((502, {}, b""), "HTTP 502"),
    ],
)
def test_what_is_no_answer_of_a_remote_does_not_make_it_reachable(workshop, caplog, instead, said):
    workshop.remote.instead = instead
    sensor = workshop.sensor(enrol=False)
    relay = workshop.relay()
    wait_for(lambda: said in relay.report()["remote_problem"] and len(workshop.remote.in_order) > 1)
    assert relay.report()["remote_reachable"] is False
    assert said in caplog.text
    assert "gridecho_relay_remote_reachable 0.0" in metrics(relay)
    assert "remote away" in page(relay)
    # As soon as it answers all is well.
    workshop.remote.instead = None
    workshop.remote.enrol(sensor)
    wait_for(lambda: relay.report()["remote_reachable"])
    assert relay.report()["remote_problem"] == ""
    wait_for(lambda: relay.report()["sensors"] == 1)


def test_a_refusal_of_the_remotes_own_is_an_answer(workshop):
    workshop.remote.instead = problem(507, "The remote has no room.")
    relay = workshop.relay()
    wait_for(lambda: relay.report()["remote_refuses"])
    assert relay.report()["remote_reachable"] is True
    assert set(relay.report()["remote_refuses"].values()) == {"HTTP 507: The remote has no room."}
