import os

from resilience import postgres
from resilience.backends import protection
from service.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "recommender_site.settings")
application = get_wsgi_application()
postgres.install()
protection.turn_on()
