#!/usr/bin/env python
from service.commands import execute

if __name__ == "__main__":
    execute("recommender_site.settings")
