"""Both services as they stand behind a proxy that speaks TLS."""

from tests.e2e.services import Postgres, Service

THROUGH_THE_PROXY = {"X-Forwarded-Proto": "https"}


def test_readers_are_sent_to_https_and_the_services_speak_plainly_among_themselves(postgres: Postgres) -> None:
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
        assert ad_provider.get("/", allow_redirects=False).status_code == 301
