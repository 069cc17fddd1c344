"""The URLs of ads."""

from urllib.parse import quote, urlsplit

from django.conf import settings


def product_url(asin: str) -> str:
    """Return the URL of the product's page in the shop."""
    return str(settings.PRODUCT_URL.replace("{asin}", quote(asin, safe="")))


def shop_url() -> str:
    """Return the URL of the shop's front page, on the host of its product pages."""
    shop = urlsplit(settings.PRODUCT_URL)
    return f"{shop.scheme}://{shop.netloc}/"


def impression_url(token: str) -> str:
    return f"{settings.AD_PROVIDER_PUBLIC_URL}/ads/impression/{token}"


def click_url(token: str) -> str:
    return f"{settings.AD_PROVIDER_PUBLIC_URL}/ads/click/{token}"
