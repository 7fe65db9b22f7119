"""A DICOM node: stores images that others send, and answers them with SEG and SR."""
