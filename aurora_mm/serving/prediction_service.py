"""From a posted form to the answer."""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import Sequence
from typing import Any

import anyio
import anyio.to_thread
from starlette.requests import Request

from aurora_mm.errors import ConfigError, DataError
from aurora_mm.images.image_faults import tell_spacing_fault
from aurora_mm.images.image_finder import Problem
from aurora_mm.images.image_header import BadImage
from aurora_mm.images.ultrasound_image import UltrasoundImage
from aurora_mm.serving.api_error import ApiError
from aurora_mm.serving.api_limits import ApiLimits
from aurora_mm.serving.api_metrics import ApiMetrics
from aurora_mm.serving.api_predictor import ApiPredictor, Row
from aurora_mm.serving.batcher import Batcher
from aurora_mm.serving.posted_images import TOO_LARGE, UNREADABLE, LeftOut, PostedImages, count_images, open_posted
from aurora_mm.serving.request_files import Asked, read_request
from aurora_mm.structures import MultiTaskDataSample
from aurora_mm.web.uploads import UploadFolder

Entry = dict[str, Any]


class PredictionService:
    """Answers requests for predictions. It belongs to one event loop.

    The files of a request lie in a temporary folder until it is answered. Only a few images are decoded at the same
    time, so that the memory does not grow with the number of requests that wait.

    Args:
        predictor: What predicts.
        limits: Limits of requests and batches.
    """

    def __init__(self, predictor: ApiPredictor, limits: ApiLimits) -> None:
        self.predictor = predictor
        self.limits = limits
        self.metrics = ApiMetrics(lambda: self.batcher.waiting)
        self.batcher: Batcher[Row, MultiTaskDataSample | DataError] = Batcher(
            predictor.predict, limits.max_batch, limits.batch_wait, self.metrics.batches.observe
        )
        self._decoded = asyncio.Semaphore(2 * limits.max_batch)

    async def answer(self, request: Request) -> bytes:
        """Return the answer for a request as JSON text.

        Args:
            request: The request, of which nothing has been read.

        Raises:
            ApiError: If there is no prediction to answer, or the time is over.
        """
        seconds = f'{self.limits.timeout:g} s'
        late = ApiError(408, 'request_timeout', f'the request did not arrive within {seconds}')
        try:
            with anyio.fail_after(self.limits.timeout), tempfile.TemporaryDirectory(prefix='aurora_mm_api_') as place:
                folder = UploadFolder(place)
                asked = await read_request(request, folder.folder, self.limits)
                late = ApiError(504, 'timeout', f'the answer took more than {seconds}')
                return await self._answer(asked, folder)
        except TimeoutError as error:
            raise late from error

    async def _answer(self, asked: Asked, folder: UploadFolder) -> bytes:
        try:
            tasks = self.predictor.asked(asked.tasks)
        except ConfigError as error:
            raise ApiError(400, 'unknown_task', str(error)) from error
        opened = [await anyio.to_thread.run_sync(open_posted, folder, file, asked) for file in asked.files]
        count = count_images(opened)
        if count > self.limits.max_images:
            message = f'a request may have at most {self.limits.max_images} images, not {count}'
            raise ApiError(413, 'too_many_images', message)
        found = [entry for entries in await _all(self._file(one, tasks, asked) for one in opened) for entry in entries]
        images = [one for one in found if not isinstance(one, LeftOut)]
        left_out = [one for one in found if isinstance(one, LeftOut)]
        self.metrics.images.labels('predicted').inc(len(images))
        self.metrics.images.labels('left_out').inc(len(left_out))
        problems = [one.problem for one in left_out]
        if not images:
            raise _nothing(left_out, problems)
        content = self.predictor.head(tasks, problems) | dict(images=images)
        return await anyio.to_thread.run_sync(_json, content)

    async def _file(
        self, images: PostedImages | LeftOut, tasks: Sequence[str] | str, asked: Asked
    ) -> list[Entry | LeftOut]:
        """Read the images of a file one after the other, and predict each as soon as it is read."""
        if isinstance(images, LeftOut):
            return [images]
        predictions: list[asyncio.Task[Entry | LeftOut]] = []
        try:
            for frame in images.frames:
                await self._decoded.acquire()
                try:
                    image = await anyio.to_thread.run_sync(images.read, frame, self.limits.max_pixels)
                except BaseException:
                    self._decoded.release()
                    raise
                if not predictions and asked.spacing is None and isinstance(image, UltrasoundImage):
                    tell_spacing_fault(image, images.name)
                prediction = asyncio.create_task(self._image(images.source(frame), image, tasks, asked))
                prediction.add_done_callback(lambda _: self._decoded.release())
                predictions.append(prediction)
            return list(await asyncio.gather(*predictions))
        finally:
            for prediction in predictions:
                prediction.cancel()

    async def _image(
        self, source: str, image: UltrasoundImage | LeftOut, tasks: Sequence[str] | str, asked: Asked
    ) -> Entry | LeftOut:
        if isinstance(image, LeftOut):
            return image
        try:
            facts = image.facts(asked.spacing)
        except BadImage as bad:
            return LeftOut(Problem(source, str(bad)))
        row: dict[str, Any] = dict(img=image.pixels, img_path=source, tasks=tasks) | facts
        sample = await self.batcher.answer(row)
        if isinstance(sample, DataError):
            return LeftOut(Problem(source, str(sample).removeprefix(f'{source}: ')))
        return await anyio.to_thread.run_sync(self.predictor.content, sample, asked.with_masks)


async def _all(work: Any) -> list[list[Entry | LeftOut]]:
    """Return the results of coroutines that run at the same time. If one fails, the others are cancelled."""
    tasks = [asyncio.ensure_future(one) for one in work]
    try:
        return list(await asyncio.gather(*tasks))
    finally:
        for task in tasks:
            task.cancel()


def _nothing(left_out: Sequence[LeftOut], problems: Sequence[Problem]) -> ApiError:
    is_large = all(one.code == TOO_LARGE for one in left_out)
    message = str(problems[0]) if len(problems) == 1 else f'none of the {len(problems)} images can be predicted'
    return ApiError(413 if is_large else 422, TOO_LARGE if is_large else UNREADABLE, message, problems)


def _json(content: dict[str, Any]) -> bytes:
    return json.dumps(content, allow_nan=False).encode()
