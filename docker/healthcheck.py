"""Exit with 0 if the service in this container is alive."""

import os
import urllib.request

urllib.request.urlopen(f"http://127.0.0.1:{os.environ['PORT']}/livez", timeout=2).close()
