"""What Prefect's page shows of a crawl and of each shard.

artifacts      Artifacts of a flow run that are rewritten where they are, instead of piling up
crawl_monitor  What Prefect's page shows of a crawl and of each shard, as artifacts of their
               flow runs
"""

from tinyvideo.flows.monitor.artifacts import EVERY_S, Board
from tinyvideo.flows.monitor.crawl_monitor import CrawlMonitor, ShardMonitor, bar

__all__ = [
    "EVERY_S",
    "Board",
    "CrawlMonitor",
    "ShardMonitor",
    "bar",
]
