"""The page `report.html`: START at `page`, which puts the other modules' parts together.

books_section     The books and the list of videos, as a page shows them: counts, bars, and
                  reasons in words
charts            Lines of a chart as SVG geometry: scales, ticks, and thousands of points made
                  few
inline_pictures   Pictures inside a page: every JPEG once, as a rule of a style sheet
page              The page of an output folder: one file that shows everything and fetches
                  nothing
scenes_section    Scenes and licenses of all strips, as a page shows them: names, counts and
                  bars
shards_survey     One pass over all shards: counts, and which few strips are worth showing
strips_section    The strips that a page shows: before and after, best and worst
training_section  What training and generating left behind, as a page shows it: curves, and
                  clips in their parts
"""

from tinyvideo.flows.report.books_section import headline, list_fates, plural
from tinyvideo.flows.report.charts import Chart, as_svg
from tinyvideo.flows.report.page import write_report
from tinyvideo.flows.report.training_section import draw_training

__all__ = [
    "Chart",
    "as_svg",
    "draw_training",
    "headline",
    "list_fates",
    "plural",
    "write_report",
]
