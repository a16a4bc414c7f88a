"""The page `report.html`: START at `page`, which puts the other modules' parts together.

books     The books and the list of videos, as a page shows them: counts, bars, and reasons in
          words
charts    Lines of a chart as SVG geometry: scales, ticks, and thousands of points made few
page      The page of an output folder: one file that shows everything and fetches nothing
pictures  Pictures inside a page: every JPEG once, as a rule of a style sheet
scenes    Scenes and licenses of all strips, as a page shows them: names, counts and bars
strips    The strips that a page shows: before and after, best and worst
survey    One pass over all shards: counts, and which few strips are worth showing
training  What training and generating left behind, as a page shows it: curves, and clips in
          their parts
"""
