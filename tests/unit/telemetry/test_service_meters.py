"""What a service counts of its requests."""

from __future__ import annotations

import pytest

from entryway.telemetry.durations import Durations
from entryway.telemetry.service_meters import ServiceMeters


def test_requests_are_counted_by_route_method_and_class_of_status() -> None:
    meters = ServiceMeters("any")
    for status in (200, 204, 302, 404, 0):
        meters.request("/x/{id}", "GET", status, 0.002)
    assert {key: sum(found.counts) for key, found in meters.requests.items()} == {
        ("/x/{id}", "GET", 2): 2,
        ("/x/{id}", "GET", 3): 1,
        ("/x/{id}", "GET", 4): 1,
        ("/x/{id}", "GET", 0): 1,
    }


def test_methods_that_somebody_made_up_share_one_count() -> None:
    meters = ServiceMeters("any")
    for number in range(1000):
        meters.request("none", f"BREW{number}", 405, 0.002)
    assert list(meters.requests) == [("none", "other", 4)]
    assert sum(meters.requests["none", "other", 4].counts) == 1000


def test_durations_are_added_up() -> None:
    one, other = Durations(), Durations()
    one.add(0.002)
    other.add(0.002)
    other.add(40)
    one.include(other)
    assert one.buckets()[2:3] == [("0.0025", 2.0)]
    assert one.buckets()[-1] == ("+Inf", 3.0)
    assert one.total == pytest.approx(40.004)
