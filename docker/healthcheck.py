"""Exits 0 while the service in this container lives."""

import os
import urllib.request

urllib.request.urlopen(f"http://127.0.0.1:{os.environ['PORT']}/livez", timeout=2).close()
