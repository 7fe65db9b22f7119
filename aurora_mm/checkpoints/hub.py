"""Finds models on this machine or on the Hugging Face hub."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from aurora_mm.checkpoints.model_folder import MANIFEST, MODEL_FILES, is_model_folder
from aurora_mm.errors import WeightsError

_HUB_ID = re.compile(r'[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*')
_FILES = ('.pth', '.pt', '.ckpt', '.safetensors')  # no model of the hub is named like a file of weights


def is_hub_id(source: str | Path) -> bool:
    """Return whether a text is a hub id ``owner/name``, and not the path of a file or of a folder ``owner`` here."""
    text = str(source)
    if not isinstance(source, str) or not _HUB_ID.fullmatch(text) or text.endswith(_FILES):
        return False
    return not Path(text).exists() and not Path(text).parent.exists()


def local_model(source: str | Path, revision: str | None = None) -> str | Path:
    """Return the local path of a model, which is downloaded if it is on the hub and was not yet.

    Only files of model folders are downloaded, none of which is executed. Without a connection, or with
    ``HF_HUB_OFFLINE=1``, an earlier download is used.

    Args:
        source: Path of a checkpoint or of a model folder, or a hub id such as ``'owner/name'``.
        revision: Branch, tag or commit of the model on the hub; by default the main branch.

    Raises:
        WeightsError: If the hub has no such model, or cannot be reached; if ``source`` is a URL, or ``revision`` is
            given for a local path.
    """
    if '://' in str(source):
        raise WeightsError(f'{source} is an address: give a path, or the id OWNER/NAME of a model on the hub')
    if not is_hub_id(source):
        if revision is not None:
            raise WeightsError(f'{source} is a local path, which has no revision {revision!r}')
        return source
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(str(source), revision=revision, allow_patterns=list(MODEL_FILES)))
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError, ValueError) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise WeightsError(
            f'{source} is neither a file or folder here nor a model that the hub gives: {reason}'
        ) from error


def find_models(source: str | Path | Sequence[str | Path]) -> list[str | Path]:
    """Return the local paths of a model, several for an ensemble; models on the hub are downloaded.

    Args:
        source: Path of a checkpoint or a model folder, a hub id, a list of these, or a folder of model folders.

    Raises:
        WeightsError: If a folder contains no model, or the hub does not give one.
    """
    if not isinstance(source, str | Path):
        return [found for one in source for found in find_models(one)]
    found = Path(local_model(source))
    if not found.is_dir() or is_model_folder(found):
        return [found]
    members: list[str | Path] = [folder for folder in sorted(found.iterdir()) if is_model_folder(folder)]
    if not members:
        raise WeightsError(
            f'{found} has no {MANIFEST}, so that it is no model folder, and no folder in it is one; '
            '`aurora-mm publish` writes model folders'
        )
    return members


def path_for_results(source: str | Path) -> Path:
    """Return a path beside which results of a model are written: its own, or for a hub id one in the current folder."""
    return Path(str(source).partition('/')[2]) if is_hub_id(source) else Path(source)
