"""The loop of a training run: steps, figures, pictures, checkpoints, and what to do on an alarm.

Stage:  shard -> dataset -> load -> [train] -> generate

The first rank writes all files; the others compute the same and wait for it where they must.

Cost: beside the steps and checkpoints, 0.3 ms per step, and with pictures a forward pass now and
then (`models.training.tensorboard_log`).
"""

import logging
import math
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from torch import Tensor

from tinyvideo.models.checkpoints import (
    Checkpoint,
    list_checkpoints,
    load_checkpoint,
    push,
    save_checkpoint,
    step_of,
)
from tinyvideo.models.data import Loader
from tinyvideo.models.step import Ranks, Trainer
from tinyvideo.models.step_metrics import METRICS_NAME, MetricsLog, StepMetrics
from tinyvideo.models.training.alarms import Alarms
from tinyvideo.models.training.tensorboard_log import Board
from tinyvideo.models.training_errors import (
    CheckpointError,
    CollapsedError,
    DivergedError,
    TrainingError,
)
from tinyvideo.storage.objects import Store

logger = logging.getLogger(__name__)

AGREE_EVERY = 10
"""Steps after which several ranks ask the first one whether to stop. Ours: the question waits for
the slowest, so not each step."""

ROLLBACKS = 3
"""Roll-backs after which training ends: other noise does not help it then. Ours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Events:
    """What somebody who watches a run wants to be told; each is called by the first rank only."""

    on_step: Callable[[StepMetrics], None] | None = None
    """After each step, its line is written."""

    on_checkpoint: Callable[[Path, StepMetrics], None] | None = None
    """After each checkpoint, which is whole and on disk."""

    on_alarm: Callable[[str], None] | None = None
    """When training collapses, one sentence."""

    should_stop: Callable[[], bool] | None = None
    """Asked after each step: True writes a checkpoint, and ends the run there."""


class Run:
    """One training run on one rank; a context manager, for its files."""

    def __init__(
        self,
        trainer: Trainer,
        loader: Loader,
        out: Path,
        *,
        ranks: Ranks,
        events: Events,
        mirror: Store | None,
    ) -> None:
        self._trainer, self._loader, self._out, self._ranks = trainer, loader, out, ranks
        self._events, self._mirror = events, mirror
        self._config = trainer.config
        self._alarms = Alarms(trainer.config)
        self._stack = ExitStack()
        self._log: MetricsLog | None = None
        self._board: Board | None = None
        self._saved_at = time.monotonic()

    def __enter__(self) -> Self:
        if self._ranks.first:
            step = self._trainer.step
            self._log = self._stack.enter_context(MetricsLog(self._out / METRICS_NAME, step))
            self._board = self._stack.enter_context(Board(self._out, self._config, step))
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def until_done(self) -> tuple[Path, StepMetrics]:
        """Train until all steps are done, or until asked to stop; return the last checkpoint.

        With it come the figures of the last step.

        Raises:
            TrainingError: training diverged or collapsed, and cannot or must not go on.
            CheckpointError: a checkpoint cannot be written.
            DataError, StorageError: a clip cannot be read.
        """
        while True:
            clips, waited, start = self._wait()
            try:
                values = self._trainer.take_step(clips)
            except DivergedError as error:
                self._roll_back(error)
                continue
            taken = time.perf_counter() - start
            metrics = self._record(values, clips, waited / taken, self._config.batch / taken)
            if sentences := self._alarms.observe(values):
                self._sound(sentences, metrics)
            done = self._trainer.step >= self._config.steps or self._is_stopped()
            if done or self._is_due():
                try:
                    path = self._save(metrics)
                except DivergedError as error:  # a weight, of which the losses do not tell
                    self._roll_back(error)
                    continue
                if done:
                    return path, metrics

    def _is_stopped(self) -> bool:
        asked = self._events.should_stop
        return asked is not None and self._agree(asked)

    def _is_due(self) -> bool:
        minutes, every = self._config.checkpoint_minutes, self._config.checkpoint_every
        if self._trainer.step % every == 0:
            return True
        waited = (time.monotonic() - self._saved_at) / 60
        return minutes > 0 and self._agree(lambda: waited >= minutes)

    def _agree(self, asked: Callable[[], bool]) -> bool:
        """Have all ranks go by the answer of the first, which costs them a call now and then."""
        if self._ranks.count > 1 and self._trainer.step % AGREE_EVERY:
            return False
        return self._ranks.from_first(asked() if self._ranks.first else None)

    def _wait(self) -> tuple[Tensor, float, float]:
        start = time.perf_counter()
        clips = next(self._loader)
        return clips, time.perf_counter() - start, start

    def _record(
        self, values: dict[str, float], clips: Tensor, data_share: float, speed: float
    ) -> StepMetrics:
        metrics = StepMetrics(
            step=self._trainer.step,
            clips_per_second=speed,
            data_share=data_share,
            **{name: value for name, value in values.items() if math.isfinite(value)},
        )
        if self._log is not None:
            self._log.append(metrics)
        if self._board is not None:
            self._board.show(metrics, self._trainer, clips)
        if self._ranks.first and self._events.on_step is not None:
            self._events.on_step(metrics)
        return metrics

    def _save(self, metrics: StepMetrics) -> Path:
        path = self._out / f"step-{metrics.step:08d}.pt"
        self._saved_at = time.monotonic()
        checkpoint = self._trainer.checkpoint(metrics)
        if self._ranks.first:
            if self._log is not None:
                self._log.sync()
            path = save_checkpoint(self._out, checkpoint)
            if self._mirror is not None:
                push(self._mirror, path)
            if self._events.on_checkpoint is not None:
                self._events.on_checkpoint(path, metrics)
        return path

    def _sound(self, sentences: list[str], metrics: StepMetrics) -> None:
        sentence = "; ".join(sentences)
        if self._ranks.first:
            logger.warning("step %d: %s", self._trainer.step, sentence)
            if self._events.on_alarm is not None:
                self._events.on_alarm(sentence)
        if self._config.on_alarm == "stop":
            self._save(metrics)  # to be looked at; the one before is there too
        if self._config.on_alarm != "warn":
            collapsed = f"training collapsed at step {self._trainer.step}: {sentence}"
            self._roll_back(CollapsedError(collapsed))

    def _roll_back(self, error: TrainingError) -> None:
        """Go back to a checkpoint from before `error`, or raise it."""
        if self._config.on_alarm != "roll-back" or self._trainer.rollbacks >= ROLLBACKS:
            raise error
        # What collapsed had been about to for as long as an alarm takes to sound.
        collapsed = isinstance(error, CollapsedError)
        limit = self._trainer.step - (self._alarms.window if collapsed else 0)
        before = self._ranks.from_first(self._earlier(limit) if self._ranks.first else None)
        if before is None:
            raise error
        self._trainer.roll_back(before)
        self._loader.seek(self._trainer.cursor)
        self._alarms.reset()
        if self._ranks.first:
            logger.warning("%s; rolled back to step %d", error, before.step)
        self._cut(before)

    def _earlier(self, limit: int) -> Checkpoint | None:
        """Find the newest good checkpoint up to step `limit`; if there is one, newer ones go."""
        steps = {path: step_of(path.name) or 0 for path in list_checkpoints(self._out)}
        for path in (path for path, step in steps.items() if step <= limit):
            try:
                found = load_checkpoint(path)
            except CheckpointError as error:
                logger.warning("%s; going back to the one before", error)
                continue
            for newer in (path for path, step in steps.items() if step > found.step):
                newer.unlink()
            return found
        return None

    def _cut(self, before: Checkpoint) -> None:
        """Make the files those of step `before.step`, with the new noise."""
        if self._log is not None:
            self._log.cut(before.step)
        if self._board is not None:
            self._board.cut(before.step)
        self._save(StepMetrics(**before.metrics))
