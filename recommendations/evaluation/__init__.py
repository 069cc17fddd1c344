"""Evaluation of the recommendations on reviews that are hidden from them."""
