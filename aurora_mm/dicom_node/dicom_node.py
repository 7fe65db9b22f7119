from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aurora_mm.dicom.packages import require_packages
from aurora_mm.dicom.results import save
from aurora_mm.dicom_node.disk_queue import DiskQueue
from aurora_mm.dicom_node.peer import Peer
from aurora_mm.dicom_node.receiver import SUCCESS, WORDS, receive
from aurora_mm.errors import ConfigError

if TYPE_CHECKING:
    from pydicom import Dataset

_RETRY_SECONDS = 30.0


class DicomNode:
    """Takes images by C-STORE, and answers each with SEGs and an SR, which are kept in a folder, sent on, or both.

    Images wait in ``queue/incoming`` until they are answered, and results that are to be sent in ``queue/outgoing``
    until the peer has taken them, also over a restart. What cannot be predicted or sent, or is refused by the peer, is
    moved to ``queue/failed``. Messages name images by their running numbers and hold nothing of a header.

    Args:
        predict: From a DICOM file to the objects of its results by kind; ``''`` is the report.
        queue: Folder of what waits.
        out: Folder of the results; None keeps none.
        peer: Where the results are sent; None sends none.
        title: Own AE title.
        most: Most images that wait; further ones are refused.
        say: Told what happens, in lines.
        retry_seconds: After how long a peer that could not be reached is tried again.

    Raises:
        ConfigError: If the extra ``dicom`` is not installed, or there is neither a folder nor a peer.
    """

    def __init__(
        self,
        predict: Callable[[Path], dict[str, Dataset]],
        queue: Path,
        out: Path | None = None,
        peer: Peer | None = None,
        title: str = 'AURORA_MM',
        most: int = 1000,
        say: Callable[[str], None] = print,
        retry_seconds: float = _RETRY_SECONDS,
    ) -> None:
        require_packages('pydicom', 'highdicom', 'pynetdicom')
        if out is None and peer is None:
            raise ConfigError('say where results go: --out FOLDER, --send-to AET@host:port, or both')
        self.predict = predict
        self.out = out
        self.peer = peer
        self.title = title
        self.say = say
        self.retry_seconds = retry_seconds
        self.incoming = DiskQueue(queue / 'incoming', most)
        self.outgoing = DiskQueue(queue / 'outgoing', most=1_000_000)
        self.failed = queue / 'failed'
        self.failed.mkdir(exist_ok=True)
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []
        self._entity: Any = None
        self._server: Any = None
        self._received, self._answered = itertools.count(1), itertools.count(1)

    @property
    def port(self) -> int:
        """The port of the listener, while it runs."""
        return int(self._server.server_address[1])

    def start(self, host: str = '127.0.0.1', port: int = 11112) -> None:
        """Listen, and answer what waits from before.

        Args:
            host: Address of this machine on which to listen; ``'0.0.0.0'`` is all of them.
            port: Port; 0 takes a free one.

        Raises:
            ConfigError: If the address cannot be listened on, or the own AE title is none.
        """
        from pynetdicom import AE, ALL_TRANSFER_SYNTAXES, VerificationPresentationContexts, evt

        try:
            entity = AE(ae_title=self.title)
        except ValueError as error:
            raise ConfigError(f'{self.title!r} is no AE title: {error}') from error
        entity.supported_contexts = VerificationPresentationContexts
        for name in _image_classes():
            entity.add_supported_context(name, ALL_TRANSFER_SYNTAXES)
        try:
            self._server = entity.start_server((host, port), block=False, evt_handlers=[(evt.EVT_C_STORE, self._store)])
        except (OSError, OverflowError) as error:
            raise ConfigError(f'cannot listen on {host}:{port}: {error}') from error
        self._entity = entity
        if waiting := len(self.incoming) + len(self.outgoing):
            self.say(f'{waiting} files wait from before')
        works = [self._answer_all, *([self._send_all] if self.peer is not None else [])]
        self._threads = [threading.Thread(target=work, daemon=True) for work in works]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Take no more images and end after the one that is being predicted or sent; what waits stays in its folder."""
        self._stopping.set()
        if self._entity is not None:
            self._entity.shutdown()
        for queue in (self.incoming, self.outgoing):
            queue.wake()
        for thread in self._threads:
            thread.join()

    def _store(self, event: Any) -> int:
        status = receive(event, self.incoming)
        number = f' as image {next(self._received)}' if status == SUCCESS else ''
        self.say(f'C-STORE: {WORDS[status]}{number} (0x{status:04X})')
        return status

    def _answer_all(self) -> None:
        while not self._stopping.is_set():
            file = self.incoming.first()
            if file is None:
                self.incoming.wait()
                continue
            number = next(self._answered)
            try:
                made = self.predict(file)
                for kind, result in made.items():
                    self._keep(f'{file.stem}_{kind + "_seg" if kind else "sr"}.dcm', result)
            except Exception as error:  # whatever an image raises, the images behind it are to be answered
                # The words of an error may hold values of a header.
                self.say(f'answer {number}: failed ({type(error).__name__}), moved to {self.failed}')
                self._set_aside(file, self.incoming)
            else:
                self.say(f'answer {number}: {len(made) - 1} SEG and 1 SR, {len(self.incoming) - 1} images wait')
                file.unlink(missing_ok=True)

    def _keep(self, name: str, result: Dataset) -> None:
        if self.out is not None:
            save(result, self.out / name)
        if self.peer is not None:
            with self.outgoing.put(name) as file:
                result.save_as(file, enforce_file_format=True)

    def _send_all(self) -> None:
        assert self.peer is not None
        while not self._stopping.is_set():
            file = self.outgoing.first()
            if file is None:
                self.outgoing.wait(self.retry_seconds)
                if not self._stopping.is_set():
                    self.outgoing.retry()
                continue
            try:
                taken = self.peer.send(file, self.title)
            except Exception as error:  # of a damaged file, which must not hold up the others
                self.say(f'a result cannot be sent ({type(error).__name__}), moved to {self.failed}')
                self._set_aside(file, self.outgoing)
                continue
            if taken:
                file.unlink(missing_ok=True)
            elif taken is None:
                self.say(f'{self.peer.title} cannot be reached; {len(self.outgoing)} results wait')
                self.outgoing.try_later(file)
                self._stopping.wait(self.retry_seconds)
                self.outgoing.retry()
            else:
                self.say(f'{self.peer.title} refuses a result, moved to {self.failed}')
                self._set_aside(file, self.outgoing)

    def _set_aside(self, file: Path, queue: DiskQueue) -> None:
        try:
            file.replace(self.failed / file.name)  # within one file system, so that a full disk does not stop it
        except OSError as error:
            self.say(f'a file cannot be moved to {self.failed} ({error.strerror}); it is passed over')
            queue.try_later(file)


def _image_classes() -> list[str]:
    """SOP classes of ultrasound and of secondary captures."""
    from pydicom.uid import (
        MultiFrameGrayscaleByteSecondaryCaptureImageStorage,
        MultiFrameGrayscaleWordSecondaryCaptureImageStorage,
        MultiFrameTrueColorSecondaryCaptureImageStorage,
        SecondaryCaptureImageStorage,
        UltrasoundImageStorage,
        UltrasoundMultiFrameImageStorage,
    )

    return [
        UltrasoundImageStorage,
        UltrasoundMultiFrameImageStorage,
        SecondaryCaptureImageStorage,
        MultiFrameGrayscaleByteSecondaryCaptureImageStorage,
        MultiFrameGrayscaleWordSecondaryCaptureImageStorage,
        MultiFrameTrueColorSecondaryCaptureImageStorage,
    ]
