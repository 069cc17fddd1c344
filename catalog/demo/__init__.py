"""A demo shop: products, pictures, and reviewers with their own tastes."""
