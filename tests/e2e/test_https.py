"""Both services behind a proxy with TLS."""

from tests.e2e.services import Postgres, Service

THROUGH_THE_PROXY = {"X-Forwarded-Proto": "https"}


def test_clients_are_redirected_to_https_and_calls_between_services_are_not(postgres: Postgres) -> None:
    settings = {"DATABASE_URL": postgres.url, "HTTPS": "on"}
    with (
        Service("ad_provider_site", **settings) as ad_provider,
        Service("recommender_site", AD_PROVIDER_URL=ad_provider.url, **settings) as recommender,
    ):
        plain = recommender.get("/products", allow_redirects=False)
        assert (plain.status_code, plain.headers["Location"][:8]) == (301, "https://")
        for path in ("/products", "/ads"):
            answer = recommender.get(path, headers=THROUGH_THE_PROXY)
            assert (answer.status_code, answer.headers["X-Data-Source"]) == (200, "live"), path
            # Of this host alone: its subdomains and the preload list are not ours to decide.
            assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"
        assert ad_provider.get("/", allow_redirects=False).status_code == 301
