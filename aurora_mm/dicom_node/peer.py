from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

from aurora_mm.errors import ConfigError

_PEER = re.compile(r'(?P<title>[^@\\\s][^@\\]{0,15})@(?P<host>[^:@\s]+):(?P<port>\d{1,5})')
_SUCCESS, _WARNINGS = 0x0000, range(0xB000, 0xC000)


class Peer(NamedTuple):
    """A node that results are sent to.

    Args:
        title: Its AE title.
        host: Name or address.
        port: Of its listener.
    """

    title: str
    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> Peer:
        """Parse ``AET@host:port``.

        Raises:
            ConfigError: If it is something else.
        """
        found = _PEER.fullmatch(text)
        if found is None or not 0 < int(found['port']) < 65536:
            raise ConfigError(f'{text!r} is no node: write AET@host:port, such as PACS@10.0.0.5:104')
        return cls(found['title'], found['host'], int(found['port']))

    def send(self, file: Path, own_title: str) -> bool | None:
        """Send a DICOM file by C-STORE.

        Args:
            file: The file.
            own_title: AE title of the sender.

        Returns:
            Whether the peer took it; None if it could not be reached or the connection broke.

        Raises:
            Exception: Of any class, by pydicom on a damaged file.
        """
        from pydicom import dcmread
        from pynetdicom import AE

        dataset = dcmread(file)
        entity = AE(ae_title=own_title)
        entity.add_requested_context(dataset.SOPClassUID, dataset.file_meta.TransferSyntaxUID)
        try:
            association = entity.associate(self.host, self.port, ae_title=self.title)
        except OSError:  # the name of the host is not known at the moment
            return None
        if not association.is_established:
            return False if association.is_rejected or association.rejected_contexts else None
        try:
            status = association.send_c_store(dataset)
        except ValueError:  # the peer does not accept this class
            return False
        except RuntimeError:  # the connection broke
            return None
        finally:
            association.release()
        if 'Status' not in status:
            return None
        return status.Status == _SUCCESS or status.Status in _WARNINGS
