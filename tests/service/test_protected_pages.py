"""No query of a view, an admin page, a template or a middleware bypasses the breaker."""

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from resilience import breakers

pytestmark = pytest.mark.django_db(transaction=True)


def pages() -> list[str]:
    found = ["/", "/status", "/breakers", "/breakers/database", "/livez", "/readyz", "/metrics"]
    found += ["/docs", "/redoc", "/schema"]
    found += ["/products", "/products/P1", "/products/P1/reviews", "/products/P1/recommendations", "/reviews", "/ads"]
    found += ["/reviewers/R1/recommendations", "/recommendations/popular", "/accounts/login/", "/admin/"]
    found += ["/admin/password_change/", "/admin/autocomplete/", "/no-such-page"]
    for model in admin.site._registry:
        for view in ("changelist", "add"):
            found.append(reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{view}"))
    return found


@pytest.mark.slow
@pytest.mark.parametrize("method", ["get", "post"])
def test_while_the_circuit_is_open_nothing_reaches_the_database(
    client: Client, statements: list[str], method: str
) -> None:
    client.force_login(User.objects.create_superuser("boss"))

    def statuses() -> list[int]:
        ask, form = getattr(client, method), {"username": "boss", "password": "open sesame"}
        return [ask(path, form, headers={"accept": "text/html"}).status_code for path in pages()]

    assert 500 not in statuses()
    assert len(statements) > 50
    statements.clear()
    breakers.database_breaker().open_for(1000)
    assert 503 in statuses()
    assert 500 not in statuses()
    assert statements == []
