import atexit
import gc

from django.apps import AppConfig
from django.conf import settings


class ServiceConfig(AppConfig):
    name = "service"

    def ready(self) -> None:
        # Else a process ends with a search for garbage in all that it has loaded, for 0.2 s.
        atexit.register(gc.freeze)
        if settings.STANDBY_DATABASE:
            from service import background, standby

            background.keep_running("standby", standby.run)
