"""The page `report.html`: START at `page`, which puts the other modules' parts together."""
