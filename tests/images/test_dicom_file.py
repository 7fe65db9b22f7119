"""DICOM images against pydicom's own files and hand-made ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from aurora_mm.images.image_header import BadImage
from aurora_mm.images.reading import frame_sources, read_image, read_shape
from tests.fixtures.dicom_files import region, write

pydicom = pytest.importorskip('pydicom')
FILES = Path(pydicom.__file__).parent / 'data' / 'test_files'
RAMP = np.arange(12 * 20, dtype=np.uint8).reshape(12, 20)


def grey(source, **kwargs):
    pixels = read_image(source, **kwargs).pixels
    assert (pixels == pixels[..., :1]).all()
    return pixels[..., 0]


class TestPixels:
    def test_grey(self, tmp_path):
        path = write(tmp_path / 'a', RAMP)  # known by its content, not by its name
        np.testing.assert_array_equal(grey(path), RAMP)
        assert read_shape(path) == (12, 20)

    def test_monochrome1_is_inverted(self, tmp_path):
        np.testing.assert_array_equal(grey(write(tmp_path / 'a.dcm', RAMP, 'MONOCHROME1')), 255 - RAMP)

    @pytest.mark.parametrize('bits', [10, 12, 16])
    def test_stored_bits_are_the_depth(self, tmp_path, bits):
        values = RAMP.astype(np.uint16) << (bits - 8)
        np.testing.assert_array_equal(grey(write(tmp_path / 'a.dcm', values, bits=bits)), RAMP)

    @pytest.mark.parametrize('bits', [8, 12])
    def test_the_depth_of_other_files_has_no_effect(self, tmp_path, bits):
        """These bits are declared; with a depth of 12, pictures of 8 bits would be nearly black."""
        values = RAMP if bits == 8 else RAMP.astype(np.uint16) << 4
        np.testing.assert_array_equal(grey(write(tmp_path / 'a.dcm', values, bits=bits), depth=16), RAMP)
        colours = np.stack([RAMP, RAMP // 2, RAMP // 3], axis=-1)
        path = write(tmp_path / 'b.dcm', colours, 'RGB')
        np.testing.assert_array_equal(read_image(path, depth=12).pixels, colours[..., ::-1])

    def test_a_table_of_the_modality_says_how_many_bits_its_values_have(self, tmp_path):
        """A table to 16 bits, then a window over all of them: the picture itself, not white."""
        table = pydicom.Dataset()
        table.LUTDescriptor, table.ModalityLUTType = [256, 0, 16], 'US'
        table.LUTData = (np.arange(256) * 257).astype('<u2').tobytes()
        window = dict(WindowCenter=2**15, WindowWidth=2**16)
        path = write(tmp_path / 'a.dcm', RAMP, ModalityLUTSequence=[table], **window)
        assert np.abs(grey(path).astype(int) - RAMP).max() <= 1

    def test_a_window_says_what_is_shown(self, tmp_path):
        """Width 100 around 150: the standard's formula by hand (PS3.3 C.11.2.1.2)."""
        path = write(tmp_path / 'a.dcm', RAMP, WindowCenter=150, WindowWidth=100)
        expected = np.clip(((RAMP.astype(float) - 149.5) / 99 + 0.5) * 255, 0, 255)
        np.testing.assert_array_equal(grey(path), np.rint(expected))

    def test_functional_groups_say_what_is_shown_of_a_frame(self, tmp_path):
        """As in enhanced multi-frame classes: a rescaling that frames share, and a window of each frame."""

        def group(name, **fields):
            item, whole = pydicom.Dataset(), pydicom.Dataset()
            item.update(fields)
            setattr(whole, name, [item])
            return whole

        values = (RAMP.astype(np.uint16) << 2) + 3
        windows = [dict(WindowCenter=100, WindowWidth=300), dict(WindowCenter=300, WindowWidth=100)]
        groups = dict(
            SharedFunctionalGroupsSequence=[
                group('PixelValueTransformationSequence', RescaleSlope=2, RescaleIntercept=-500)
            ],
            PerFrameFunctionalGroupsSequence=[group('FrameVOILUTSequence', **window) for window in windows],
        )
        file = write(tmp_path / 'a.dcm', np.stack([values, values]), bits=10, **groups)
        for frame, window in enumerate(windows):
            plain = write(tmp_path / 'b.dcm', values, bits=10, RescaleSlope=2, RescaleIntercept=-500, **window)
            np.testing.assert_array_equal(grey(f'{file}#frame={frame}'), grey(plain))
            assert len(np.unique(grey(plain))) > 10

    def test_signed_values_need_a_window(self, tmp_path):
        values = RAMP.astype(np.int16) - 100
        with pytest.raises(BadImage, match='signed values without a window'):
            read_image(write(tmp_path / 'a.dcm', values, bits=16))
        path = write(tmp_path / 'b.dcm', values, bits=16, WindowCenter=28, WindowWidth=256)
        assert np.abs(grey(path).astype(int) - RAMP).max() <= 1

    def test_colours_become_bgr(self, tmp_path):
        colours = np.stack([RAMP, RAMP // 2, RAMP // 3], axis=-1)
        np.testing.assert_array_equal(read_image(write(tmp_path / 'a.dcm', colours, 'RGB')).pixels, colours[..., ::-1])

    def test_frames(self, tmp_path):
        path = write(tmp_path / 'a.dcm', np.stack([RAMP, RAMP[::-1]]))
        assert frame_sources(path) == [f'{path}#frame=0', f'{path}#frame=1']
        np.testing.assert_array_equal(grey(f'{path}#frame=1'), RAMP[::-1])
        with pytest.raises(BadImage, match='has 2 frames or pages'):
            read_image(path)

    @pytest.mark.parametrize(
        ('name', 'twin'),
        [
            ('SC_rgb_rle.dcm', 'SC_rgb_small_odd_jpeg.dcm'),
            ('examples_ybr_color.dcm', 'examples_rgb_color.dcm'),
            ('MR_small_RLE.dcm', 'MR_small.dcm'),
            ('MR_small_jpeg_ls_lossless.dcm', 'MR_small.dcm'),
            ('MR_small_jp2klossless.dcm', 'MR_small.dcm'),
            ('MR_small_bigendian.dcm', 'MR_small.dcm'),
        ],
    )
    def test_transfer_syntaxes(self, name, twin):
        """The lossless ones against the plain file; files of other pictures only for being read."""
        first = frame_sources(FILES / name)[0]
        pixels = read_image(first).pixels
        assert pixels.std() > 5
        if name.startswith('MR_small'):
            np.testing.assert_array_equal(pixels, read_image(FILES / twin).pixels)

    @pytest.mark.parametrize('path', sorted(FILES.glob('*.dcm')), ids=lambda path: path.name)
    def test_every_file_of_pydicom_is_read_or_refused_in_a_sentence(self, path):
        try:
            image = read_image(frame_sources(path)[0])
        except BadImage as error:
            assert 10 < len(str(error)) < 300
            assert '\n' not in str(error)
        else:
            assert image.pixels.dtype == np.uint8
            assert image.pixels.shape[2] == 3

    def test_a_palette_becomes_its_colours(self):
        from pydicom.pixels import apply_color_lut

        header = pydicom.dcmread(FILES / 'examples_palette.dcm')
        expected = apply_color_lut(header.pixel_array, header) >> 8
        np.testing.assert_array_equal(read_image(FILES / 'examples_palette.dcm').pixels, expected[..., ::-1])


class TestSpacing:
    def test_of_the_ultrasound_region(self, tmp_path):
        image = read_image(write(tmp_path / 'a.dcm', RAMP, SequenceOfUltrasoundRegions=[region((2, 3, 15, 9))]))
        assert image.pixel_spacing == pytest.approx((0.1, 0.2))
        assert image.region == (2, 3, 16, 10)

    @pytest.mark.parametrize('spacing', [['0', '0'], ['1e9', '1e9'], ['-0.1', '0.1'], ['nan', '0.1']])
    @pytest.mark.filterwarnings('ignore:Invalid value for VR DS')
    def test_an_impossible_one_is_not_taken(self, tmp_path, spacing):
        image = read_image(write(tmp_path / 'a.dcm', RAMP, PixelSpacing=spacing))
        assert 'pixel_spacing' not in image.facts()
        assert f'cannot have a pixel spacing of {list(map(float, spacing))} mm' in image.spacing_fault

    @pytest.mark.parametrize('delta', [(0, 0.01), (0.01, 1e9)])
    def test_an_impossible_one_of_a_region_is_not_taken(self, tmp_path, delta):
        regions = [region((0, 0, 9, 11), delta=delta)]
        image = read_image(
            write(tmp_path / 'a.dcm', RAMP, SequenceOfUltrasoundRegions=regions, PixelSpacing=[0.1, 0.1])
        )
        assert 'pixel_spacing' not in image.facts()
        assert f'{10.0 * delta[1]}' in image.spacing_fault

    def test_one_that_is_no_pair_is_refused(self, tmp_path):
        with pytest.raises(BadImage, match='has a pixel spacing or an ultrasound region that cannot be read'):
            read_image(write(tmp_path / 'a.dcm', RAMP, PixelSpacing=['0.1', '0.1', '0.1']))

    def test_regions_that_disagree_give_none(self, tmp_path):
        regions = [region((0, 0, 9, 11)), region((10, 0, 19, 11), delta=(0.03, 0.01))]
        image = read_image(write(tmp_path / 'a.dcm', RAMP, SequenceOfUltrasoundRegions=regions))
        assert image.pixel_spacing is None
        assert image.region == (0, 0, 20, 12)

    @pytest.mark.parametrize('other', [dict(data_type=3), dict(spatial_format=3), dict(units=4)])
    def test_only_tissue_in_two_dimensions_counts(self, tmp_path, other):
        """A Doppler trace has seconds along x."""
        regions = [region(), region((0, 6, 19, 11), delta=(0.5, 0.5), **other)]
        image = read_image(write(tmp_path / 'a.dcm', RAMP, SequenceOfUltrasoundRegions=regions))
        assert image.pixel_spacing == pytest.approx((0.1, 0.2))

    def test_of_the_image(self, tmp_path):
        image = read_image(write(tmp_path / 'a.dcm', RAMP, PixelSpacing=[0.4, 0.5]))
        assert image.pixel_spacing == (0.4, 0.5)
        assert image.region is None

    @pytest.mark.parametrize('group', ['SharedFunctionalGroupsSequence', 'PerFrameFunctionalGroupsSequence'])
    def test_of_functional_groups(self, tmp_path, group):
        """Where enhanced multi-frame classes, such as Enhanced US Volume, have it."""
        measures, item = pydicom.Dataset(), pydicom.Dataset()
        measures.PixelSpacing, item.PixelMeasuresSequence = [0.4, 0.5], [measures]
        file = write(tmp_path / 'a.dcm', np.stack([RAMP, RAMP]), **{group: [item, item]})
        assert read_image(f'{file}#frame=1').pixel_spacing == (0.4, 0.5)

    def test_none(self, tmp_path):
        assert read_image(write(tmp_path / 'a.dcm', RAMP)).pixel_spacing is None


class TestRefusals:
    def test_a_report_holds_no_picture(self):
        with pytest.raises(BadImage, match='holds no picture: its modality is'):
            read_image(FILES / 'test-SR.dcm')

    def test_a_number_that_is_too_short(self, tmp_path):
        """pydicom's own exception for it is not one of Python's."""
        (tmp_path / 'a.dcm').write_bytes(b'\0' * 128 + b'DICM' + b'\x02\0\0\0UL\x04\0\1')
        with pytest.raises(BadImage, match='cannot be read as DICOM'):
            read_image(tmp_path / 'a.dcm')

    def test_fewer_rows_than_pixels(self, tmp_path):
        """pydicom would read the upper half of the picture."""
        path = write(tmp_path / 'a.dcm', RAMP)
        header = pydicom.dcmread(path)
        expected, header.Rows = header.Rows * header.Columns, header.Rows // 2
        header.save_as(path)
        said = rf'holds {expected} bytes of pixels, but 1 x {header.Rows} x {header.Columns} .* need {expected // 2}$'
        with pytest.raises(BadImage, match=said):
            read_image(path)
        header.Rows *= 2
        header.PixelData += b'\0' * 20
        header.save_as(path)
        np.testing.assert_array_equal(grey(path), RAMP)

    def test_values_that_are_shifted(self, tmp_path):
        """pydicom would take the lower 12 of 16 bits, of which the upper 12 are meant."""
        path = write(tmp_path / 'a.dcm', RAMP.astype(np.uint16) << 8, bits=12, HighBit=15)
        with pytest.raises(BadImage, match=r'stores 12 bits up to bit 15, but values of 12 bits end at bit 11$'):
            read_image(path)

    def test_a_window_that_shows_nothing(self, tmp_path):
        path = write(tmp_path / 'a.dcm', RAMP, WindowCenter=5000, WindowWidth=10)
        with pytest.raises(BadImage, match=rf'a window that shows nothing of its values, {RAMP.min()} to {RAMP.max()}'):
            read_image(path)
        dark = write(tmp_path / 'b.dcm', RAMP // 64, WindowCenter=150, WindowWidth=100)
        assert not grey(dark).any()

    def test_a_cut_off_file(self, tmp_path):
        data = write(tmp_path / 'a.dcm', RAMP).read_bytes()
        (tmp_path / 'a.dcm').write_bytes(data[:-100])
        with pytest.raises(BadImage, match='cannot be'):
            read_image(tmp_path / 'a.dcm')

    def test_nothing_of_the_patient_leaves_the_header(self, tmp_path):
        assert 'Secret' not in repr(read_image(write(tmp_path / 'a.dcm', RAMP)))
