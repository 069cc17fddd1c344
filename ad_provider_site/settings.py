from base_settings import *  # noqa: F403

ROOT_URLCONF = "ad_provider_site.urls"
WSGI_APPLICATION = "ad_provider_site.wsgi.application"
