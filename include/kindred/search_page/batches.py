"""Searches that arrive while another is under way are answered together: the gallery is read once for all of them."""

import asyncio
from dataclasses import dataclass, field

import numpy as np

from kindred.gallery import Filter
from kindred.search import Answer, Index
from kindred.shards import Images


@dataclass(frozen=True)
class Question:
    """What is asked of an index; searches with equal questions may be answered together."""

    k: int
    distance: str
    farthest: bool = False
    where: Filter = Filter()
    itself: bool = False

    def ask(self, index: Index, queries: Images) -> list[Answer]:
        return index.search(queries, self.k, self.distance, self.farthest, self.where, self.itself)


@dataclass
class Batch:
    """Queries that wait for one search. Each has both kinds of vectors and an id."""

    index: Index
    question: Question
    waiting: list[tuple[Images, asyncio.Future]] = field(default_factory=list)

    def queries(self) -> Images:
        columns = {
            kind: np.concatenate([getattr(query, kind) for query, _ in self.waiting])
            for kind in ("features", "probabilities")
        }
        return Images(**columns, ids=[query.ids[0] for query, _ in self.waiting])

    def end(self, answers: list[Answer] | None, error: Exception | None = None) -> None:
        for number, (_, future) in enumerate(self.waiting):
            if future.done():  # whoever asked has gone
                continue
            if error is not None:
                future.set_exception(error)
            else:
                future.set_result(answers[number])


class Searches:
    """One search at a time, each for all who wait with the same question."""

    def __init__(self) -> None:
        self._batches: list[Batch] = []
        self._task: asyncio.Task | None = None

    async def search(self, index: Index, query: Images, question: Question) -> Answer:
        """What the index answers to one query."""
        future = asyncio.get_running_loop().create_future()
        for batch in self._batches:
            if batch.index is index and batch.question == question:
                break
        else:
            batch = Batch(index, question)
            self._batches.append(batch)
        batch.waiting.append((query, future))
        if self._task is None:
            self._task = asyncio.create_task(self._work())
        return await future

    async def _work(self) -> None:
        try:
            while self._batches:
                batch = self._batches.pop(0)  # whoever comes from now on waits for the next one
                try:
                    batch.end(await asyncio.to_thread(batch.question.ask, batch.index, batch.queries()))
                except Exception as error:
                    batch.end(None, error)
        finally:
            self._task = None
