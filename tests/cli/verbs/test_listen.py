"""`aurora-mm listen`: its arguments and its end; the node itself is tested in tests/dicom_node."""

from __future__ import annotations

import os
import signal

import pytest

from aurora_mm.cli.verbs.listen import main

pytest.importorskip('pydicom')
pytest.importorskip('highdicom')
pynetdicom = pytest.importorskip('pynetdicom')


def refused(capsys, *argv):
    with pytest.raises(SystemExit) as stopped:
        main(list(map(str, argv)))
    assert stopped.value.code == 2
    return capsys.readouterr().err


def test_it_listens_until_it_is_ended(checkpoints, tmp_path, monkeypatch, capsys):
    from aurora_mm.dicom_node.dicom_node import DicomNode

    start, answered = DicomNode.start, []

    def ended(node, *args):
        start(node, *args)
        entity = pynetdicom.AE()
        entity.add_requested_context(pynetdicom.sop_class.Verification)
        association = entity.associate('127.0.0.1', node.port, ae_title='NODE_7')
        answered.append(association.send_c_echo().Status)
        association.release()
        os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(DicomNode, 'start', ended)
    before = signal.getsignal(signal.SIGTERM)
    main([str(checkpoints[0]), '--port', '0', '--aet', 'NODE_7', '--out', str(tmp_path / 'out'), '--tasks', 'organs'])
    assert answered == [0]
    assert signal.getsignal(signal.SIGTERM) is before
    said = capsys.readouterr().out
    assert 'NODE_7 listens on 127.0.0.1:' in said
    assert f'stopped; 0 images and 0 results wait in {tmp_path / "out" / "queue"}' in said


@pytest.mark.parametrize(
    ('argv', 'told'),
    [
        ([], 'say where results go'),
        (['--send-to', 'PACS'], 'write AET@host:port'),
        (['--out', 'x', '--tasks', 'auto'], '--tasks auto goes with predict'),
        (['--out', 'x', '--every', '0'], "--every: '0' is no whole number of 1 or more"),
    ],
)
def test_wrong_arguments(capsys, argv, told):
    assert told in refused(capsys, 'model.pth', *argv)
