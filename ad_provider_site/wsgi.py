import os

from campaigns import spool_folder
from resilience import postgres
from resilience.backends import protection
from service.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ad_provider_site.settings")
application = get_wsgi_application()
spool_folder.require()
postgres.install()
protection.turn_on()
