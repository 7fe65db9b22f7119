"""SEG and SR of predictions, read back by pydicom and by highdicom."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from mmengine.structures import InstanceData, PixelData

from aurora_mm.dicom.equipment import Equipment
from aurora_mm.dicom.results import DicomResults, save
from aurora_mm.dicom.source import DicomSource, require_dicom
from aurora_mm.errors import DataError
from aurora_mm.images.image_header import BadImage
from aurora_mm.images.reading import read_image
from aurora_mm.measurements import measurements_of
from aurora_mm.prediction_files.view_spread import measure
from aurora_mm.structures import TaskDataSample
from aurora_mm.tasks import Task
from aurora_mm.version import __version__
from tests.fixtures.dicom_files import region, write

pydicom = pytest.importorskip('pydicom')
hd = pytest.importorskip('highdicom')

EQUIPMENT = Equipment('epoch_12.pth', 'ab' * 32)
GREY = np.arange(12 * 20, dtype=np.uint8).reshape(12, 20)
CLIP = np.stack([GREY, GREY + 1, GREY + 2, GREY + 3])
ORGANS = Task(
    'organs',
    'segmentation',
    classes=('background', 'head', 'blob'),
    measurements=[
        dict(type='Area', name='size', label='head'),
        dict(type='LargestDiameter', name='length', label='blob'),
    ],
)
FIND = Task('find', 'multi_object_detection', classes=('lesion', 'head'))
ENDS = Task(
    'ends',
    'landmark',
    points=('left', 'right'),
    measurements=[dict(type='Distance', name='femur length', points=['left', 'right'])],
)
KIND = Task('kind', 'classification', classes=('benign', 'strange'))
SIGNS = Task('signs', 'multi_label_classification', classes=('a', 'b', 'c'))
PARTS = Task(
    'parts',
    'multi_label_segmentation',
    classes=('a', 'b', 'c'),
    measurements=[dict(type='Area', name='size', label='b')],
)
AGE = Task('age', 'scalar_regression', values=('gestational age',), unit='weeks')


def sample(task, shape, spacing=None, **fields):
    found = TaskDataSample(metainfo=dict(task=task.name, ori_shape=shape))
    if spacing is not None:
        found.set_metainfo(dict(pixel_spacing=spacing))
    for name, value in fields.items():
        found.set_data({name: value})
    return found


def mask_of(shape, *pixels):
    mask = np.zeros(shape, np.uint8)
    for row, column, label in pixels:
        mask[row, column] = label
    return PixelData(data=torch.from_numpy(mask)[None])


def boxes_of(*rows):
    columns = list(zip(*rows, strict=True)) if rows else [[], [], []]
    return InstanceData(
        bboxes=torch.tensor(columns[0], dtype=torch.float32).reshape(-1, 4),
        labels=torch.tensor(columns[1], dtype=torch.int64),
        scores=torch.tensor(columns[2], dtype=torch.float32),
    )


def results(path, tmp_path, *answers):
    """The objects of a file, written and read again by pydicom; answers are (frame, task, sample)."""
    collected = DicomResults(EQUIPMENT)
    for frame, task, one in answers:
        measurements = measurements_of(task)
        pairs = list(zip(measurements, measure(measurements, one), strict=True))
        collected.add(path, frame, task, one, pairs)
    (file,) = collected.files
    read = {}
    for number, (name, made) in enumerate(collected.make(file).items()):
        save(made, tmp_path / f'result_{number}.dcm')
        read[name] = pydicom.dcmread(tmp_path / f'result_{number}.dcm')
    return read


def groups(report):
    """The measurement groups as highdicom reads them."""
    content = hd.sr.ComprehensiveSR.from_dataset(report).content
    return [
        *content.get_planar_roi_measurement_groups(),
        *content.get_image_measurement_groups(),
    ]


def random_mask(seed, shape):
    generator = np.random.default_rng(seed)
    return PixelData(data=torch.from_numpy(generator.integers(0, 3, shape, dtype=np.uint8))[None])


def segments_of(seg):
    """Masks by frame of the source (from 0), from each frame's own functional groups, without highdicom."""
    found = {}
    frames = seg.pixel_array.reshape(-1, seg.Rows, seg.Columns)
    for item, pixels in zip(seg.PerFrameFunctionalGroupsSequence, frames, strict=True):
        image = item.DerivationImageSequence[0].SourceImageSequence[0]
        group = item if 'SegmentIdentificationSequence' in item else seg.SharedFunctionalGroupsSequence[0]
        label = group.SegmentIdentificationSequence[0].ReferencedSegmentNumber
        mask = found.setdefault(image.get('ReferencedFrameNumber', 1) - 1, np.zeros(pixels.shape, np.uint8))
        assert not (mask[pixels == 1]).any()
        mask[pixels == 1] = label
    return found


class TestSegmentation:
    @pytest.mark.parametrize(
        ('values', 'photometric'),
        [(GREY, 'MONOCHROME2'), (GREY, 'MONOCHROME1'), (np.stack([GREY] * 3, -1), 'RGB')],
        ids=['grey', 'inverted', 'colour'],
    )
    def test_the_mask_of_an_image_bit_for_bit(self, tmp_path, values, photometric):
        path = write(tmp_path / 'a.dcm', values, photometric)
        answer = random_mask(0, (12, 20))
        seg = results(path, tmp_path, (None, ORGANS, sample(ORGANS, (12, 20), pred_sem_seg=answer)))['organs']
        assert (seg.Rows, seg.Columns, seg.SegmentationType) == (12, 20, 'BINARY')
        np.testing.assert_array_equal(segments_of(seg)[0], answer.data[0])
        read = hd.seg.Segmentation.from_dataset(seg).get_pixels_by_source_instance(
            [pydicom.dcmread(path).SOPInstanceUID], combine_segments=True, ignore_spatial_locations=True
        )
        np.testing.assert_array_equal(read[0], answer.data[0])

    def test_classes_that_overlap_are_segments_that_overlap(self, tmp_path):
        generator = np.random.default_rng(3)
        masks = {frame: (generator.random((3, 12, 20)) < 0.4).astype(np.uint8) for frame in (None, 0, 2)}
        masks[2][1] = 0
        for name, frames in (('image', [None]), ('clip', [0, 2])):
            path = write(tmp_path / f'{name}.dcm', GREY if name == 'image' else CLIP)
            answers = []
            for frame in frames:
                fields = dict(pred_class_masks=PixelData(data=torch.from_numpy(masks[frame])))
                answers.append((frame, PARTS, sample(PARTS, (12, 20), **fields)))
            made = results(path, tmp_path, *answers)
            seg = made['parts']
            assert (seg.SegmentationType, seg.SegmentsOverlap) == ('BINARY', 'YES')
            assert [segment.SegmentLabel for segment in seg.SegmentSequence] == ['a', 'b', 'c']
            found = {}
            for item, pixels in zip(seg.PerFrameFunctionalGroupsSequence, seg.pixel_array, strict=True):
                image = item.DerivationImageSequence[0].SourceImageSequence[0]
                label = item.SegmentIdentificationSequence[0].ReferencedSegmentNumber
                found[int(image.get('ReferencedFrameNumber', 1)) - 1, int(label)] = pixels
            wanted = {(frame or 0, i + 1): m for frame in frames for i, m in enumerate(masks[frame]) if m.any()}
            assert found.keys() == wanted.keys()
            assert all((found[key] == wanted[key]).all() for key in wanted)
            regions = [group for group in groups(made['']) if group.referenced_segmentation_frame is not None]
            assert len(regions) == len(wanted)
            areas = [m.value for group in regions for m in group.get_measurements()]
            assert areas == [int(masks[frame][1].sum()) for frame in frames if masks[frame][1].any()]

    def test_frames_of_a_clip_refer_to_their_own_frame(self, tmp_path):
        path = write(tmp_path / 'a.dcm', CLIP)
        masks = {1: random_mask(1, (12, 20)), 3: random_mask(2, (12, 20))}
        answers = [(frame, ORGANS, sample(ORGANS, (12, 20), pred_sem_seg=mask)) for frame, mask in masks.items()]
        made = results(path, tmp_path, *answers)
        seg, source = made['organs'], pydicom.dcmread(path)
        for frame, mask in masks.items():
            np.testing.assert_array_equal(segments_of(seg)[frame], mask.data[0])
        assert int(seg.NumberOfFrames) == 4
        for item in seg.PerFrameFunctionalGroupsSequence:
            image = item.DerivationImageSequence[0].SourceImageSequence[0]
            assert image.ReferencedSOPClassUID == source.SOPClassUID
            assert image.ReferencedSOPInstanceUID == source.SOPInstanceUID
            label = item.SegmentIdentificationSequence[0].ReferencedSegmentNumber
            assert item.FrameContentSequence[0].DimensionIndexValues == [label, image.ReferencedFrameNumber]
        read = hd.seg.Segmentation.from_dataset(seg).get_pixels_by_source_frame(
            source.SOPInstanceUID, [2, 4], combine_segments=True, ignore_spatial_locations=True
        )
        np.testing.assert_array_equal(read, np.stack([mask.data[0] for mask in masks.values()]))

    def test_a_size_that_fills_no_whole_byte(self, tmp_path):
        """Bits of frames follow each other without padding: 3 x 5 pixels are 15 bits."""
        path = write(tmp_path / 'a.dcm', CLIP[:, :3, :5])
        masks = [random_mask(seed, (3, 5)) for seed in range(3)]
        answers = [(i, ORGANS, sample(ORGANS, (3, 5), pred_sem_seg=mask)) for i, mask in enumerate(masks)]
        found = segments_of(results(path, tmp_path, *answers)['organs'])
        for frame, mask in enumerate(masks):
            np.testing.assert_array_equal(found[frame], mask.data[0])

    def test_pydicoms_own_ultrasound_clip(self, tmp_path):
        """Colour, JPEG, a region with spacing, private elements, 30 frames."""
        path = pydicom.data.get_testdata_file('examples_ybr_color.dcm')
        image = read_image(f'{path}#frame=29')
        answer = random_mask(3, image.shape)
        found = sample(ORGANS, image.shape, image.pixel_spacing, pred_sem_seg=answer)
        made = results(path, tmp_path, (29, ORGANS, found))
        np.testing.assert_array_equal(segments_of(made['organs'])[29], answer.data[0])
        assert image.pixel_spacing == pytest.approx([0.5104970559477806] * 2)
        hd.seg.Segmentation.from_dataset(made['organs'])  # highdicom refuses pixel measures without a slice thickness
        assert not [element for element in made['organs'].iterall() if element.tag.is_private]

    @pytest.mark.parametrize('values', [GREY, CLIP], ids=['image', 'clip'])
    def test_nothing_found(self, tmp_path, values):
        """A SEG has a frame at least; the report says that nothing is there and refers to no segment."""
        path = write(tmp_path / 'a.dcm', values)
        made = results(path, tmp_path, (0, ORGANS, sample(ORGANS, (12, 20), pred_sem_seg=mask_of((12, 20)))))
        assert not made['organs'].pixel_array.any()
        (group,) = groups(made[''])
        (evaluation,) = group.get_qualitative_evaluations()
        assert evaluation.value.meaning == 'Absent'

    def test_codes_and_algorithm(self, tmp_path):
        task = Task(
            'organs',
            'segmentation',
            classes=('background', 'lesion', 'blob', 'clot'),
            codes=dict(clot=dict(type=['1', '99X', 'Clot'], category=['2', '99X', 'Thing'])),
        )
        path = write(tmp_path / 'a.dcm', GREY)
        answer = sample(task, (12, 20), pred_sem_seg=mask_of((12, 20), (1, 1, 1), (2, 2, 2), (3, 3, 3)))
        seg = results(path, tmp_path, (None, task, answer))['organs']

        def code(segment, kind):
            item = segment[kind][0]
            return item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning

        lesion, blob, clot = seg.SegmentSequence
        category, kind = 'SegmentedPropertyCategoryCodeSequence', 'SegmentedPropertyTypeCodeSequence'
        assert code(lesion, kind) == ('52988006', 'SCT', 'Lesion')
        assert code(lesion, category) == ('49755003', 'SCT', 'Morphologically Abnormal Structure')
        assert code(blob, kind) == ('organs.blob', '99AURORA_MM', 'blob')
        assert code(blob, category)[0] == '91723000'
        assert code(clot, kind) == ('1', '99X', 'Clot')
        assert code(clot, category) == ('2', '99X', 'Thing')
        algorithm = lesion.SegmentationAlgorithmIdentificationSequence[0]
        assert (algorithm.AlgorithmName, algorithm.AlgorithmVersion) == ('aurora_mm', __version__)
        assert 'epoch_12.pth' in algorithm.AlgorithmParameters
        assert (seg.Manufacturer, seg.ManufacturerModelName) == ('aurora_mm', 'epoch_12.pth')
        assert (seg.SoftwareVersions, seg.DeviceSerialNumber) == (__version__, 'ab' * 32)


class TestReport:
    def test_measurements_in_millimetres(self, tmp_path):
        """3 pixels of 0.2 x 0.1 mm are 0.06 mm2; the outline of one pixel is a diamond that is 0.2 mm high."""
        path = write(tmp_path / 'a.dcm', GREY, SequenceOfUltrasoundRegions=[region(delta=(0.01, 0.02))])
        image = read_image(path)
        assert image.pixel_spacing == pytest.approx((0.2, 0.1))
        mask = mask_of((12, 20), (1, 1, 1), (1, 2, 1), (5, 5, 1), (8, 9, 2))
        answer = sample(ORGANS, (12, 20), image.pixel_spacing, pred_sem_seg=mask)
        made = results(path, tmp_path, (None, ORGANS, answer))
        head, blob = groups(made[''])
        (size,), (length,) = head.get_measurements(), blob.get_measurements()
        assert (size.name.value, size.unit.value, size.unit.scheme_designator) == ('42798000', 'mm2', 'UCUM')
        assert size.value == pytest.approx(0.06)
        assert (length.name.meaning, length.unit.value) == ('Length', 'mm')
        assert length.value == pytest.approx(0.2)
        frame = head.referenced_segmentation_frame
        assert frame[0].referenced_sop_instance_uid == made['organs'].SOPInstanceUID
        assert head.finding_type.value == '69536005'
        numbers = [group.referenced_segmentation_frame[0].referenced_segment_numbers for group in (head, blob)]
        assert numbers == [[1], [2]]

    def test_measurements_in_pixels_without_a_spacing(self, tmp_path):
        path = write(tmp_path / 'a.dcm', GREY)
        mask = mask_of((12, 20), (1, 1, 1), (1, 2, 1))
        made = results(path, tmp_path, (None, ORGANS, sample(ORGANS, (12, 20), pred_sem_seg=mask)))
        ((size,),) = [group.get_measurements() for group in groups(made[''])]
        assert (size.value, size.unit.value) == (2, '{pixels}')

    def test_coordinates_count_from_the_corner_of_the_first_pixel(self, tmp_path):
        """By hand: the box around the one pixel of row 2 and column 3 has the corners 3, 2 and 4, 3 (PS3.3 C.18.6.1.2:
        0.0\\0.0 is the top left corner of the first pixel and Columns\\Rows the bottom right one of the last), and the
        point in its middle is 3.5, 2.5."""
        path = write(tmp_path / 'a.dcm', GREY)
        points = torch.tensor([[3.5, 2.5], [20.0, 12.0]])
        made = results(
            path,
            tmp_path,
            (None, FIND, sample(FIND, (12, 20), pred_instances=boxes_of(([3, 2, 4, 3], 0, 0.75)))),
            (None, ENDS, sample(ENDS, (12, 20), pred_landmarks=points)),
        )
        box, left, right, span = groups(made[''])
        assert box.roi.graphic_type.value == 'POLYLINE'
        np.testing.assert_array_equal(box.roi.value, [(3, 2), (4, 2), (4, 3), (3, 3), (3, 2)])
        (certainty,) = box.get_measurements()
        assert (certainty.name.meaning, certainty.value, certainty.unit.value) == ('Certainty of Finding', 75, '%')
        np.testing.assert_array_equal(left.roi.value, [(3.5, 2.5)])
        np.testing.assert_array_equal(right.roi.value, [(20, 12)])
        assert left.finding_type.value == 'ends.left'
        (length,) = span.get_measurements()
        assert (length.name.value, length.name.scheme_designator) == ('11963-6', 'LN')
        assert length.value == pytest.approx(np.hypot(16.5, 9.5))
        (line,) = length.referenced_coordinates
        np.testing.assert_array_equal(line.value, [(3.5, 2.5), (20, 12)])

    def test_boxes_are_those_that_pictures_show(self, tmp_path):
        """A head of scores .02 and .01, of which one is there by definition, and no lesion of a score below .3."""
        path = write(tmp_path / 'a.dcm', GREY)
        head = Task('one', 'detection', classes=('head',))
        unsure = boxes_of(([0, 0, 9, 9], 0, 0.02), ([1, 1, 9, 9], 0, 0.01))
        lesions = boxes_of(([3, 2, 4, 3], 0, 0.31), ([5, 2, 6, 3], 0, 0.29))
        found = groups(
            results(
                path,
                tmp_path,
                (None, head, sample(head, (12, 20), pred_instances=unsure)),
                (None, FIND, sample(FIND, (12, 20), pred_instances=lesions)),
            )['']
        )
        certainties = [group.get_measurements()[0].value for group in found]
        assert certainties == pytest.approx([2, 31])

    def test_regions_of_a_clip_name_their_frames(self, tmp_path):
        path = write(tmp_path / 'a.dcm', CLIP)
        boxes = [boxes_of(([i, 0, i + 1, 1], 1, 0.5)) for i in range(3)]
        answers = [(i, FIND, sample(FIND, (12, 20), pred_instances=found)) for i, found in enumerate(boxes)]
        found = groups(results(path, tmp_path, *answers)[''])
        images = [group.roi.ContentSequence[0].ReferencedSOPSequence[0] for group in found]
        assert [image.ReferencedFrameNumber for image in images] == [1, 2, 3]
        assert {image.ReferencedSOPClassUID for image in images} == {pydicom.dcmread(path).SOPClassUID}
        assert [group.roi.value[0].tolist() for group in found] == [[0, 0], [1, 0], [2, 0]]

    def test_segments_of_a_clip_name_the_frame_of_the_segmentation(self, tmp_path):
        path = write(tmp_path / 'a.dcm', CLIP)
        masks = [mask_of((12, 20), (1, 1, 2)), mask_of((12, 20), (2, 2, 1), (3, 3, 2))]
        answers = [(i, ORGANS, sample(ORGANS, (12, 20), pred_sem_seg=mask)) for i, mask in enumerate(masks)]
        made = results(path, tmp_path, *answers)
        pixels = made['organs'].pixel_array
        for group in groups(made['']):
            item = group.referenced_segmentation_frame[0].ReferencedSOPSequence[0]
            label, number = item.ReferencedSegmentNumber, item.ReferencedFrameNumber
            frame = group.referenced_segmentation_frame[1].ReferencedSOPSequence[0].ReferencedFrameNumber
            np.testing.assert_array_equal(pixels[number - 1] == 1, masks[frame - 1].data[0] == label)

    def test_classes_are_evaluations_with_probabilities(self, tmp_path):
        path = write(tmp_path / 'a.dcm', GREY)
        made = results(
            path,
            tmp_path,
            (None, KIND, sample(KIND, (12, 20), pred_scores=torch.tensor([0.25, 0.75]), pred_label=torch.tensor([1]))),
            (None, SIGNS, sample(SIGNS, (12, 20), pred_scores=torch.tensor([0.5, 0.125, 0.875]))),
            (None, AGE, sample(AGE, (12, 20), pred_value=torch.tensor([20.5]))),
        )
        kind, signs, age = groups(made[''])
        (evaluation,) = kind.get_qualitative_evaluations()
        assert (evaluation.name.value, evaluation.value.value) == ('kind', 'kind.strange')
        assert {m.name.meaning: m.value for m in kind.get_measurements()} == {
            'Probability of benign': 0.25,
            'Probability of strange': 0.75,
        }
        assert {m.unit.value for m in kind.get_measurements()} == {'1'}
        assert [e.value.meaning for e in signs.get_qualitative_evaluations()] == ['a', 'c']
        assert [m.value for m in signs.get_measurements()] == [0.5, 0.125, 0.875]
        (weeks,) = age.get_measurements()
        assert (weeks.value, weeks.unit.value) == (20.5, 'wk')

    def test_no_box_is_a_finding_too(self, tmp_path):
        path = write(tmp_path / 'a.dcm', GREY)
        made = results(path, tmp_path, (None, FIND, sample(FIND, (12, 20), pred_instances=boxes_of())))
        (group,) = groups(made[''])
        assert group.get_qualitative_evaluations()[0].value.value == '272519000'


def test_patient_and_study_are_copied_and_nothing_else(tmp_path):
    """Every text of the source is marked; those of the patient's and the study's modules arrive, no others."""
    kept = dict(
        PatientName='Kept^Name',
        PatientID='kept-id',
        PatientBirthDate='19700101',
        PatientSex='F',
        PatientAge='050Y',
        AccessionNumber='kept-accession',
        StudyID='kept-study',
        StudyDate='20200101',
        StudyTime='120000',
        StudyDescription='kept description',
        ReferringPhysicianName='Kept^Doctor',
    )
    secret = dict(
        InstitutionName='lost institution',
        InstitutionAddress='lost address',
        StationName='lost station',
        OperatorsName='Lost^Operator',
        PerformingPhysicianName='Lost^Performer',
        ProtocolName='lost protocol',
        SeriesDescription='lost series',
        Manufacturer='lost manufacturer',
        ManufacturerModelName='lost machine',
        DeviceSerialNumber='lost serial',
        ImageComments='lost comments',
    )
    path = write(tmp_path / 'a.dcm', GREY, **kept, **secret)
    header = pydicom.dcmread(path)
    header.private_block(0x0019, 'lost creator', create=True).add_new(1, 'LO', 'lost private')
    header.save_as(path)
    made = results(path, tmp_path, (None, ORGANS, sample(ORGANS, (12, 20), pred_sem_seg=mask_of((12, 20), (1, 1, 1)))))
    for result in made.values():
        for name, value in kept.items():
            assert result[name].value == value, name
        assert result.StudyInstanceUID == header.StudyInstanceUID
        assert result.SeriesInstanceUID != header.SeriesInstanceUID
        assert 'lost' not in str(result).lower()
        assert 'ContributingEquipmentSequence' not in result
    assert made['organs'].Modality == 'SEG'
    assert made[''].Modality == 'SR'


@pytest.mark.parametrize('missing', ['StudyInstanceUID', 'SOPInstanceUID'])
def test_an_image_without_an_identifier_is_refused(tmp_path, missing):
    path = write(tmp_path / 'a.dcm', GREY, **{missing: ''})
    with pytest.raises(BadImage, match=f'has no {missing}, so that DICOM results cannot refer to it'):
        DicomSource(path)


def test_a_value_that_the_standard_does_not_allow_is_an_error(tmp_path):
    path = write(tmp_path / 'a.dcm', GREY, PatientSex='X')
    answer = (None, ORGANS, sample(ORGANS, (12, 20), pred_sem_seg=mask_of((12, 20))))
    with pytest.raises(DataError, match=r'a\.dcm.*no DICOM result can be made'):
        results(path, tmp_path, answer)


def test_a_retired_class_of_ultrasound_images(tmp_path):
    """Files of the nineties name a class that highdicom does not know; references keep it."""
    path = write(tmp_path / 'a.dcm', GREY, SOPClassUID='1.2.840.10008.5.1.4.1.1.6')
    made = results(path, tmp_path, (None, ORGANS, sample(ORGANS, (12, 20), pred_sem_seg=mask_of((12, 20), (1, 1, 1)))))
    for result in made.values():
        classes = {
            item.ReferencedSOPClassUID
            for element in result.iterall()
            for item in (element.value if element.VR == 'SQ' else ())
            if item.get('ReferencedSOPInstanceUID') == pydicom.dcmread(path).SOPInstanceUID
        }
        assert classes == {'1.2.840.10008.5.1.4.1.1.6'}


def test_files_that_are_no_dicom_are_named(tmp_path):
    (tmp_path / 'b.png').write_bytes(b'\x89PNG\r\n\x1a\n')
    require_dicom([write(tmp_path / 'a', GREY)])
    with pytest.raises(DataError, match=r'these inputs are none: .*b\.png'):
        require_dicom([tmp_path / 'a', tmp_path / 'b.png'])
