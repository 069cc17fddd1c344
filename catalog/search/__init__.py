"""Searching, filtering and sorting the catalogue, on PostgreSQL and on SQLite with the same results."""
