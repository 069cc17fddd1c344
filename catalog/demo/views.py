from django.http import HttpRequest, HttpResponse


def picture(request: HttpRequest, name: str) -> HttpResponse:
    raise NotImplementedError
