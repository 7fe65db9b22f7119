"""Model folders written from checkpoints: without the training state, and with a model card."""

from aurora_mm.publishing.publish import Published, publish

__all__ = ['Published', 'publish']
