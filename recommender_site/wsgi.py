import os

from django.core.wsgi import get_wsgi_application

from resilience import postgres

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "recommender_site.settings")
application = get_wsgi_application()
postgres.install()
