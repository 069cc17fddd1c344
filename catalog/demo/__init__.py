"""A made-up shop to try the services on: its products, its reviewers with their tastes, and its pictures."""
