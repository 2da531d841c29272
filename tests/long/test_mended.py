"""Eighteen ways in which one party stopped what belongs to others, and what mends them (docs/security.md).

Each mend is taken out of a copy of the checkout by a patch in planted/hostile, whose number is that of the fault, with a line
above it that says what is wrong then. Each of the tests named here has to fail on the copy, and to pass without the patch.
"""

from pathlib import Path

import pytest

from tests.rigs.planting import PLANTED, copied, outcome, plant

MENDS = {
    "01-told-versions": [
        "tests/service/remote/test_hostile.py::test_no_version_that_a_sensor_tells_spoils_the_list_of_orders",
    ],
    "01-orders-in-the-list": [
        "tests/service/remote/test_hostile.py::test_orders_that_were_spoiled_before_are_not_told_and_can_be_withdrawn",
    ],
    "01-one-list-for-all": [
        "tests/service/relay/test_one_for_all.py::test_keys_that_are_not_to_be_had_keep_no_request_and_no_order_back",
    ],
    "02-quarantine-refuses": [
        "tests/service/remote/test_hostile.py::test_a_sensor_that_floods_the_quarantine_keeps_nobody_back",
        "tests/service/remote/test_ingest.py::test_a_full_quarantine_keeps_no_honest_data_back",
    ],
    "02-no-share-of-the-quarantine": [
        "tests/service/remote/test_hostile.py::test_a_sensor_that_floods_the_quarantine_keeps_nobody_back",
    ],
    "03-turn-that-cannot-be-packed": [
        "tests/unit/remote/test_terms.py::test_a_turn_that_cannot_be_packed_names_no_proxy",
    ],
    "03-urls-in-letters": [
        "tests/service/remote/test_carries.py::test_a_heartbeat_says_the_group_and_its_proxy",
    ],
    "04-bars": [
        "tests/unit/remote/test_terms.py::test_bars_that_an_earlier_version_took_break_no_election_and_no_sum",
        "tests/unit/remote/test_terms.py::test_what_a_member_says_of_its_bars_takes_so_many_rows_at_most",
    ],
    "04-election-fails-the-carry": [
        "tests/service/remote/test_carries.py::test_an_election_that_fails_fails_no_carry_and_no_heartbeat",
    ],
    "05-drip": [
        "tests/service/relay/test_hand_over.py::test_a_drip_is_no_answer[drips_signs_of_life]",
        "tests/service/relay/test_hand_over.py::test_who_reads_slowly_is_not_waited_for",
    ],
    "05-term-without-forwards": [
        "tests/unit/remote/test_terms.py::test_a_term_in_which_nothing_is_brought_ends_with_a_heartbeat_too",
    ],
    "05-proxy-that-brings-nothing": [
        "tests/unit/relay/test_way.py::test_a_proxy_that_never_brings_anything_is_lost_one_that_sometimes_does_not_is_not",
    ],
    "06-downloads": [
        "tests/service/remote/test_doors.py::test_downloads_that_nobody_reads_hold_no_thread_of_others",
    ],
    "06-unread": [
        "tests/service/remote/test_doors.py::test_downloads_that_nobody_reads_hold_no_thread_of_others",
    ],
    "06-threads": [
        "tests/service/remote/test_doors.py::test_a_person_who_asks_for_much_leaves_threads_to_the_others",
        "tests/service/remote/test_doors.py::test_a_relay_that_brings_much_leaves_threads_to_the_others",
        "tests/unit/remote/test_lanes.py::test_who_asks_for_very_much_leaves_threads_to_the_others",
    ],
    "07-idle": [
        "tests/service/remote/test_doors.py::test_when_all_connections_are_held_those_go_who_have_the_most",
    ],
    "07-hundred": [
        "tests/service/remote/test_doors.py::test_a_thousand_idle_connections_keep_nobody_out",
        "tests/service/remote/test_doors.py::test_three_hundred_relays_keep_their_connections",
    ],
    "07-slow": [
        "tests/service/remote/test_doors.py::test_who_begins_a_request_and_does_not_go_on_is_shown_out",
    ],
    "07-relays-page": [
        "tests/service/relay/test_door.py::test_one_address_leaves_as_many_connections_to_the_others_as_it_takes",
    ],
    "08-before-proof": [
        "tests/service/remote/test_guard.py::test_nothing_of_a_body_is_looked_at_before_the_token",
    ],
    "08-long-bodies": [
        "tests/service/remote/test_doors.py::test_a_body_that_is_too_long_for_a_page_is_not_received",
    ],
    "09-passwords": [
        "tests/service/remote/test_login.py::test_a_browser_that_is_known_is_not_locked_out_by_strangers_at_its_address",
    ],
    "09-codes": [
        "tests/service/remote/test_limits.py::test_strangers_who_guess_lock_no_relay_out_that_has_a_code",
    ],
    "10-running-download": [
        "tests/service/remote/test_exports.py::test_a_download_breaks_off_when_its_grant_ends",
    ],
    "10-what-came-later": [
        "tests/service/remote/test_exports.py::test_a_download_ends_with_what_was_there_when_it_was_asked_for",
    ],
    "11-memory": [
        "tests/service/remote/test_timeline.py::test_a_curve_over_datagrams_of_255_readings_holds_some_of_them_at_a_time",
    ],
    "12-index-and-disk": [
        "tests/service/remote/test_hostile.py::test_a_piece_needs_room_on_the_disk_as_a_batch_does",
    ],
    "12-index-without-limit": [
        "tests/service/remote/test_hostile.py::test_a_relay_fills_the_index_to_its_limit_only",
        "tests/service/remote/test_hostile.py::test_runs_of_sensors_that_nobody_enrolled_are_set_aside",
    ],
    "12-index-lies": [
        "tests/service/remote/test_hostile.py::test_who_says_it_holds_less_than_it_told_is_not_named",
        "tests/service/remote/test_hostile.py::test_who_does_not_say_what_it_holds_is_not_named",
    ],
    "13-one-sensor": [
        "tests/unit/relay/test_holding.py::test_a_sensor_that_fills_a_place_leaves_half_of_it_to_the_others",
        "tests/service/relay/test_forward.py::test_one_sensor_that_fills_a_relay_has_its_share_and_the_others_are_acknowledged",
    ],
    "14-names": [
        "tests/service/remote/test_hostile.py::test_a_route_names_only_a_relay_that_has_to_do_with_the_sensor",
    ],
    "15-absolute-end": [
        "tests/service/remote/test_login.py::test_a_session_ends_whatever_is_done",
    ],
    "15-polls": [
        "tests/service/remote/test_login.py::test_a_session_ends_when_nobody_does_anything_though_its_page_polls",
    ],
    "16-line-break": [
        "tests/service/remote/test_odd_forms.py::test_every_field_takes_each_odd_text",
    ],
    "16-numbers": [
        "tests/service/remote/test_odd_forms.py::test_every_field_takes_each_odd_text",
    ],
    "16-files": [
        "tests/service/remote/test_odd_forms.py::test_forms_of_other_kinds",
        "tests/service/remote/test_odd_forms.py::test_a_file_in_place_of_a_name_with_a_good_token",
    ],
    "16-nested": [
        "tests/service/remote/test_odd_forms.py::test_odd_enrolment_files",
    ],
    "17-replay": [
        "tests/service/relay/test_pull.py::test_a_recorded_request_is_served_once_also_after_a_restart",
    ],
    "18-inner-addresses": [
        "tests/service/remote/test_pulls.py::test_a_relay_that_names_this_machine_is_not_called_but_where_an_administrator_allows_it",
        "tests/unit/remote/test_pull_addresses.py::test_this_machine_only_if_it_is_named",
    ],
    "18-any-host": [
        "tests/service/relay/test_door.py::test_a_name_that_is_not_the_relays_is_refused",
    ],
    "18-any-reader": [
        "tests/service/relay/test_door.py::test_a_stranger_on_the_lan_is_told_that_it_lives_and_nothing_more",
    ],
}


def test_each_fault_has_its_mends() -> None:
    assert {patch.stem for patch in (PLANTED / "hostile").glob("*.patch")} == set(MENDS)
    assert sorted({int(name[:2]) for name in MENDS}) == list(range(1, 19))


def test_with_all_mends_the_same_tests_pass(tmp_path: Path) -> None:
    names = sorted({name for names in MENDS.values() for name in names})
    found = outcome(copied(tmp_path), names)
    assert not found.failed + found.broken, found.said[-5000:]
    assert found.passed >= len(names)


@pytest.mark.parametrize("name", MENDS)
def test_without_the_mend_each_of_them_fails(name: str, tmp_path: Path) -> None:
    copy = copied(tmp_path)
    what = plant(f"hostile/{name}", copy)
    found = outcome(copy, MENDS[name])
    assert not found.broken, f"{name}: not a test failed, but what comes before it\n{found.said[-5000:]}"
    failed = {one.rpartition("::")[2].partition("[")[0] for one in found.failed}
    assert failed == {one.rpartition("::")[2].partition("[")[0] for one in MENDS[name]}, (
        f"{name} is not caught. {what}\n{found.said[-3000:]}"
    )
    print(f"\n{name}: {len(found.failed)} failed, {found.passed} passed. {what}")
