"""The DICOM node on loopback, with pynetdicom as client."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from aurora_mm.apis import MultiTaskInferencer
from aurora_mm.dicom_node.dicom_node import DicomNode
from aurora_mm.dicom_node.dicom_predictor import DicomPredictor
from aurora_mm.dicom_node.peer import Peer
from aurora_mm.errors import ConfigError, DataError
from tests.fixtures.dicom_files import write
from tests.fixtures.waiting import LONG, wait_until

pydicom = pytest.importorskip('pydicom')
hd = pytest.importorskip('highdicom')
pynetdicom = pytest.importorskip('pynetdicom')

GREY = np.random.default_rng(0).integers(0, 256, (64, 80), dtype=np.uint8)
CLIP = np.stack([GREY, GREY[::-1], GREY[:, ::-1]])


@pytest.fixture(scope='module')
def predict(checkpoints):
    inferencer = MultiTaskInferencer(checkpoints[0], device='cpu', show_progress=False)
    return DicomPredictor(inferencer, inferencer.tasks, [str(checkpoints[0])])


@pytest.fixture
def start(tmp_path):
    """Starts nodes on free ports and stops them at the end; what they say is in ``node.said``."""
    started = []

    def run(predict, out='out', peer=None, queue='queue', **kwargs):
        said = []
        out = None if out is None else tmp_path / out
        node = DicomNode(predict, tmp_path / queue, out, peer, say=said.append, retry_seconds=0.05, **kwargs)
        node.said = said
        started.append(node)
        node.start(port=0)
        return node

    yield run
    for node in started:
        node.stop()


@pytest.fixture
def associate():
    """Connects to a node and asks for the contexts of all ultrasound images and of verification."""
    open_ones = []

    def run(node):
        entity = pynetdicom.AE(ae_title='SCANNER')
        entity.acse_timeout = entity.dimse_timeout = entity.network_timeout = LONG
        for name in (
            pydicom.uid.UltrasoundImageStorage,
            pydicom.uid.UltrasoundMultiFrameImageStorage,
            pynetdicom.sop_class.Verification,
        ):
            entity.add_requested_context(name)
        association = entity.associate('127.0.0.1', node.port)
        assert association.is_established
        open_ones.append(association)
        return association

    yield run
    for association in open_ones:
        association.release()


def nothing(_):
    pytest.fail('was predicted')


def test_images_are_answered_with_seg_and_sr(start, associate, predict, tmp_path):
    node = start(predict)
    association = associate(node)
    image, clip = (pydicom.dcmread(write(tmp_path / f'{i}.dcm', values)) for i, values in enumerate((GREY, CLIP)))
    for sent in (image, clip):
        assert association.send_c_store(sent).Status == 0x0000
    out = tmp_path / 'out'
    wait_until(lambda: len(list(out.glob('*.dcm'))) == 4 and not len(node.incoming))
    for sent, frames in ((image, 1), (clip, 3)):
        seg = pydicom.dcmread(out / f'{sent.SOPInstanceUID}_organs_seg.dcm')
        report = pydicom.dcmread(out / f'{sent.SOPInstanceUID}_sr.dcm')
        assert (seg.Rows, seg.Columns) == (64, 80)
        assert {seg.StudyInstanceUID, report.StudyInstanceUID} == {sent.StudyInstanceUID}
        evidence = hd.sr.ComprehensiveSR.from_dataset(report).get_evidence()
        assert {item[2] for item in evidence} == {sent.SOPInstanceUID, seg.SOPInstanceUID}
        numbers = {
            item.DerivationImageSequence[0].SourceImageSequence[0].get('ReferencedFrameNumber', 1)
            for item in seg.PerFrameFunctionalGroupsSequence
        }
        assert numbers <= set(range(1, frames + 1))
    assert not list((tmp_path / 'queue' / 'incoming').iterdir())


def test_an_echo_is_answered(start, associate):
    assert associate(start(nothing)).send_c_echo().Status == 0x0000


class TestRefusals:
    """Statuses, and lines that say nothing of the patient."""

    @pytest.fixture
    def refused(self, start, associate, tmp_path, capfd, caplog):
        def run(change, **kwargs):
            node = start(nothing, **kwargs)
            sent = pydicom.dcmread(write(tmp_path / 'a.dcm', GREY, PatientID='SECRET', PatientBirthDate='19700101'))
            change(sent)
            status = associate(node).send_c_store(sent).Status
            assert not list((tmp_path / 'queue' / 'incoming').iterdir())
            lines = ' '.join([*node.said, *capfd.readouterr(), caplog.text])
            assert not any(text in lines for text in ('Secret', 'SECRET', '19700101')), lines
            assert f'(0x{status:04X})' in lines
            return status

        return run

    def test_no_pixels(self, refused):
        assert refused(lambda sent: sent.pop('PixelData')) == 0xC000

    def test_pixels_that_are_cut_off(self, refused):
        assert refused(lambda sent: setattr(sent, 'PixelData', sent.PixelData[:100])) == 0xC000

    def test_no_study(self, refused):
        assert refused(lambda sent: sent.pop('StudyInstanceUID')) == 0xC000

    def test_a_full_queue(self, refused):
        assert refused(lambda _: None, most=0) == 0xA700


def test_an_object_that_is_not_what_its_request_says(start, tmp_path):
    from types import SimpleNamespace

    from aurora_mm.dicom_node.receiver import WRONG_CLASS, receive

    node = start(nothing)
    path = write(tmp_path / 'a.dcm', GREY)
    request = SimpleNamespace(AffectedSOPInstanceUID='1.2.3', AffectedSOPClassUID=pydicom.dcmread(path).SOPClassUID)
    event = SimpleNamespace(request=request, encoded_dataset=path.read_bytes)
    assert receive(event, node.incoming) == WRONG_CLASS
    for name in ('../../evil', '.1.2.3'):
        request.AffectedSOPInstanceUID = name
        assert receive(event, node.incoming) == 0xC000
    assert not list((tmp_path / 'queue' / 'incoming').iterdir())
    assert len(node.incoming) == 0


def test_what_cannot_be_predicted_is_set_aside_and_the_rest_goes_on(start, associate, predict, tmp_path):
    bad = pydicom.dcmread(write(tmp_path / 'bad.dcm', GREY, PatientSex='X'))
    good = pydicom.dcmread(write(tmp_path / 'good.dcm', GREY))
    node = start(predict)
    association = associate(node)
    assert [association.send_c_store(sent).Status for sent in (bad, good)] == [0, 0]
    wait_until(lambda: (tmp_path / 'out' / f'{good.SOPInstanceUID}_sr.dcm').exists() and not len(node.incoming))
    assert [file.stem for file in (tmp_path / 'queue' / 'failed').iterdir()] == [bad.SOPInstanceUID]
    assert any('failed (DataError)' in line for line in node.said)
    assert not any('Secret' in line or 'PatientSex' in line for line in node.said)


@pytest.mark.parametrize('error', [KeyError('Secret'), TypeError('Secret'), AttributeError('Secret')])
def test_no_error_of_an_image_ends_the_answers(error, start, tmp_path):
    done = []

    def predict(file):
        done.append(file.stem)
        if file.stem == '1':
            raise error
        return {}

    for name in ('1', '2'):
        (tmp_path / 'queue' / 'incoming').mkdir(parents=True, exist_ok=True)
        (tmp_path / 'queue' / 'incoming' / f'{name}.dcm').write_bytes(b'')
    node = start(predict)
    wait_until(lambda: not len(node.incoming))
    assert sorted(done) == ['1', '2']
    assert [file.name for file in node.failed.iterdir()] == ['1.dcm']
    assert not any('Secret' in line for line in node.said)


def test_a_damaged_result_does_not_hold_up_the_others(start, tmp_path):
    outgoing = tmp_path / 'queue' / 'outgoing'
    outgoing.mkdir(parents=True)
    (outgoing / 'damaged.dcm').write_bytes(b'no DICOM file' * 20)
    node = start(nothing, peer=Peer('PACS', '127.0.0.1', 1))
    wait_until(lambda: [file.name for file in node.failed.iterdir()] == ['damaged.dcm'])
    assert any('cannot be sent (InvalidDicomError)' in line for line in node.said)
    assert all(thread.is_alive() for thread in node._threads)


def test_what_cannot_be_set_aside_is_passed_over(start, tmp_path):
    def predict(file):
        node.failed.rmdir()
        raise KeyError

    (tmp_path / 'queue' / 'incoming').mkdir(parents=True)
    node = DicomNode(predict, tmp_path / 'queue', tmp_path / 'out', say=(said := []).append)
    (tmp_path / 'queue' / 'incoming' / '1.dcm').write_bytes(b'')
    node.start(port=0)
    try:
        wait_until(lambda: any('is passed over' in line for line in said))
        assert len(node.incoming) == 1
        assert all(thread.is_alive() for thread in node._threads)
    finally:
        node.stop()


def test_a_title_that_is_none(start):
    with pytest.raises(ConfigError, match='is no AE title'):
        start(nothing, title='A' * 17)


def test_what_waits_is_answered_after_a_restart(start, associate, predict, tmp_path):
    """The first node is stopped while it predicts; the image that waited behind is still there for the second."""
    reached, go_on = threading.Event(), threading.Event()

    def slow(file):
        reached.set()
        assert go_on.wait(LONG)
        return predict(file)

    node = start(slow)
    association = associate(node)
    sent = [pydicom.dcmread(write(tmp_path / f'{i}.dcm', GREY)) for i in range(2)]
    for one in sent:
        assert association.send_c_store(one).Status == 0x0000
    assert reached.wait(LONG)
    association.release()
    stopping = threading.Thread(target=node.stop)
    stopping.start()
    wait_until(node._stopping.is_set)
    go_on.set()
    stopping.join(LONG)
    out = tmp_path / 'out'
    assert [file.name for file in out.glob('*_sr.dcm')] == [f'{sent[0].SOPInstanceUID}_sr.dcm']
    again = start(predict)
    assert again.said[0] == '1 files wait from before'
    wait_until(lambda: len(list(out.glob('*_sr.dcm'))) == 2)


def test_results_are_sent_on_and_wait_for_a_peer_that_is_away(start, associate, predict, tmp_path):
    taken = []

    def store(event):
        taken.append(event.dataset)
        return 0x0000

    with_port = pynetdicom.AE(ae_title='PACS')
    for name in (pydicom.uid.SegmentationStorage, pydicom.uid.ComprehensiveSRStorage):
        with_port.add_supported_context(name)
    handlers = [(pynetdicom.evt.EVT_C_STORE, store)]
    server = with_port.start_server(('127.0.0.1', 0), block=False, evt_handlers=handlers)
    port = server.server_address[1]
    server.shutdown()

    node = start(predict, out=None, peer=Peer('PACS', '127.0.0.1', port))
    sent = pydicom.dcmread(write(tmp_path / 'a.dcm', GREY))
    assert associate(node).send_c_store(sent).Status == 0x0000
    wait_until(lambda: any('PACS cannot be reached' in line for line in node.said))
    assert len(node.outgoing) > 0
    server = with_port.start_server(('127.0.0.1', port), block=False, evt_handlers=handlers)
    try:
        wait_until(lambda: not len(node.outgoing) and len(taken) == 2)
    finally:
        server.shutdown()
    assert sorted(one.Modality for one in taken) == ['SEG', 'SR']
    assert {one.StudyInstanceUID for one in taken} == {sent.StudyInstanceUID}


@pytest.mark.parametrize(
    'text', ['PACS', 'PACS@host', '@host:104', 'PACS@host:0', 'PACS@host:70000', 'A' * 17 + '@h:1']
)
def test_what_names_no_peer_is_refused(text):
    with pytest.raises(ConfigError, match='write AET@host:port'):
        Peer.parse(text)


def test_a_peer_is_parsed():
    assert Peer.parse('MY PACS@10.0.0.5:104') == Peer('MY PACS', '10.0.0.5', 104)


def test_a_node_without_a_place_for_results(tmp_path):
    with pytest.raises(ConfigError, match='say where results go'):
        DicomNode(nothing, tmp_path)


def test_a_port_that_is_taken(start):
    node = start(nothing)
    other = DicomNode(nothing, node.failed.parent, node.out, say=node.said.append)
    with pytest.raises(ConfigError, match='cannot listen on'):
        other.start(port=node.port)


def test_the_predictor_tells_what_it_cannot_read(predict, tmp_path):
    with pytest.raises(DataError, match='no DICOM result can be made'):
        predict(write(tmp_path / 'a.dcm', GREY, PatientSex='X'))
