"""Imports files of products and reviews into the database: read, validate, upsert, count."""
