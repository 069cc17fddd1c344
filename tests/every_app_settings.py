"""What mypy reads, so that it knows the models of both sites."""

from ad_provider_site.settings import *  # noqa: F403
from ad_provider_site.settings import INSTALLED_APPS as OF_THE_AD_PROVIDER
from recommender_site.settings import *  # noqa: F403
from recommender_site.settings import INSTALLED_APPS as OF_THE_RECOMMENDER

INSTALLED_APPS = [*dict.fromkeys([*OF_THE_RECOMMENDER, *OF_THE_AD_PROVIDER])]
