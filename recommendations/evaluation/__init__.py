"""How good the recommendations are, on reviews that were hidden from them."""
