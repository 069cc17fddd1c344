from django.urls import re_path

from campaigns import tracking

urlpatterns = [
    re_path(r"^ads/impression(?P<token>(?s:/.*)?)\Z", tracking.impression, name="ad-impression"),
    re_path(r"^ads/click(?P<token>(?s:/.*)?)\Z", tracking.click, name="ad-click"),
]
