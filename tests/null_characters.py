"""Where a client may put a NUL, which PostgreSQL refuses in any text."""

from collections.abc import Iterator

from django.contrib import admin
from django.test import Client
from django.urls import reverse


def admin_pages() -> Iterator[str]:
    """Pages of the admin of this site with a NUL in a parameter, for every model that it has."""
    for model, pages in admin.site._registry.items():
        changelist = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
        names = {"q", "o", "p", "e", "all", "_facets", *(field.name for field in model._meta.get_fields())}
        for name in sorted(names):
            yield f"{changelist}?{name}=%00"
            yield f"{changelist}?{name}__icontains=x%00y"
        yield f"{changelist}?%00=x"
        for page in ("add/", "1/change/", "1/history/", "1/delete/"):
            yield f"{changelist}{page}?_changelist_filters=%00"
        for related in pages.autocomplete_fields:
            field = f"app_label={model._meta.app_label}&model_name={model._meta.model_name}&field_name={related}"
            yield f"{reverse('admin:autocomplete')}?{field}&term=%00"


def assert_refused(client: Client, path: str) -> None:
    """As a page and as JSON."""
    page = client.get(path, headers={"accept": "text/html"})
    assert (page.status_code, page["Content-Type"]) == (400, "text/html; charset=utf-8"), path
    answer = client.get(path, headers={"accept": "*/*"})
    assert (answer.status_code, answer["Content-Type"]) == (400, "application/json"), path
    assert list(answer.json().values()) in (
        ["Null characters are not allowed."],
        [["Null characters are not allowed."]],
    )


def assert_nothing_fails(client: Client) -> None:
    """NUL in paths and cookies, which are refused or mean nothing, each in its own way."""
    paths = ["/%00", "/breakers/%00", "/admin/%00", "/status/%00", "/accounts/%00"]
    for model in admin.site._registry:
        changelist = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
        paths += [f"{changelist}{pk}/{page}/" for pk in ("%00", "_00") for page in ("change", "history", "delete")]
    for path in paths:
        assert client.get(path).status_code in (302, 400, 403, 404), path
    for name in ("sessionid", "csrftoken", "messages", "ad_provider_sessionid", "ad_provider_csrftoken"):
        other = Client(headers={"cookie": f'{name}="a\\000b"'})
        assert other.get("/admin/").status_code == 302
        assert other.get("/admin/login/").status_code == 200
        assert other.post("/accounts/login/", {"username": "x", "password": "y"}).status_code == 200
