"""Finding videos, from lists and by searching: what it takes."""
