import atexit
import gc

from django.apps import AppConfig


class ServiceConfig(AppConfig):
    name = "service"

    def ready(self) -> None:
        # Else a process ends with a search for garbage in all that it has loaded, for 0.2 s.
        atexit.register(gc.freeze)
