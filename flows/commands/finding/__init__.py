"""`crawl`, `plan`, `words`, `coverage`, `budget`, `chaos-demo`: videos, without their films.

chaos_command    `tinyvideo chaos-demo`: the crawl of an imitation of Flickr with all its vices,
                 and its books
find_commands    The commands that find videos: `crawl`, `plan`, `words` and `coverage`
search_forecast  What a search of Flickr would cost, from a small probe: calls, gigabytes, hours
show_budget      `tinyvideo budget`: how often each host is asked, what it refused, and whether
                 it is paused
"""

from tinyvideo.flows.commands.finding.chaos_command import chaos_demo
from tinyvideo.flows.commands.finding.find_commands import coverage, crawl, plan, words
from tinyvideo.flows.commands.finding.show_budget import budget

__all__ = [
    "budget",
    "chaos_demo",
    "coverage",
    "crawl",
    "plan",
    "words",
]
