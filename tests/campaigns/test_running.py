"""The auction, charging and the admin agree when a campaign runs."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from campaigns import running, standing
from campaigns.models import Campaign
from tests.campaigns import sponsors

NOW = timezone.now()
SECOND = timedelta(seconds=1)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("fields", "why_not", "state"),
    [
        ({}, "", "running"),
        ({"starts": NOW}, "", "running"),
        ({"ends": NOW + SECOND}, "", "running"),
        ({"starts": NOW + SECOND}, "outside its dates", "scheduled"),
        ({"ends": NOW}, "outside its dates", "ended"),
        ({"status": "paused"}, "paused", "paused"),
        ({"status": "paused", "starts": NOW + SECOND}, "paused", "paused"),
        ({"status": "paused", "ends": NOW}, "paused", "ended"),
        ({"status": "ended"}, "ended", "ended"),
    ],
)
def test_all_forms_of_the_rule_agree(fields: dict[str, Any], why_not: str, state: str) -> None:
    campaign = sponsors.campaign(**fields)
    assert running.why_not(campaign, NOW) == why_not
    found: Any = standing.campaigns_at(Campaign.objects.all(), NOW).get()
    assert found.standing == state
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM campaigns_campaign c WHERE {running.SQL}", {"at": NOW})
        assert cursor.fetchone()[0] == (not why_not)
