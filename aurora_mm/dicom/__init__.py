"""Predictions as DICOM: segmentations as SEG, everything else as SR; and a node that answers images with both."""
