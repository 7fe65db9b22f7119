import numpy as np
import pytest

from aurora_mm.visualization.canvas import Canvas, letter_size, line_width
from aurora_mm.visualization.caption import stack_under_captions
from aurora_mm.visualization.text import WHITE, put_text, text_size

RED = (255, 0, 0)


def ground(value, shape=(300, 400)):
    return np.full((*shape, 3), value, np.uint8)


@pytest.mark.parametrize('value', [0, 255])
def test_names_are_written_beside_shapes_and_never_on_them(value):
    canvas = Canvas(ground(value))
    mask = np.zeros((300, 400), bool)
    mask[100:200, 150:300] = True
    canvas.fill(mask, RED, 0.3)
    canvas.box(np.array([20.0, 20, 120, 280]), RED)
    canvas.caliper(np.array([[150.0, 150], [300, 150]]), WHITE)
    canvas.name('lesion 0.97', np.array([150.0, 100]), RED)
    canvas.name('length 12.3 mm', np.array([300.0, 150]), WHITE)
    drawn = canvas.pixels.copy()
    assert canvas.finish() == []
    changed = (canvas.pixels != drawn).any(2)
    assert changed.any()
    assert not changed[100:200, 150:300].any()
    assert not changed[20:280, 20:120].any()


def test_a_name_without_room_is_handed_back():
    canvas = Canvas(ground(0))
    canvas.fill(np.ones((300, 400), bool), RED, 0.3)
    canvas.name('head', np.array([10.0, 10]), RED)
    assert canvas.finish() == [('head', RED)]
    tiny = Canvas(ground(0, (1, 1)))
    tiny.name('head', np.array([0.0, 0]), RED)
    assert tiny.finish() == [('head', RED)]


def test_two_names_of_one_place_lie_apart():
    first, both = Canvas(ground(0)), Canvas(ground(0))
    for canvas, count in ((first, 1), (both, 2)):
        for _ in range(count):
            canvas.name('point', np.array([200.0, 150]), WHITE)
        canvas.finish()
    assert (both.pixels > 0).sum() == 2 * (first.pixels > 0).sum()


@pytest.mark.parametrize('value', [0, 128, 255])
def test_lines_and_letters_are_seen_on_every_ground(value):
    canvas = Canvas(ground(value))
    canvas.line(np.array([[50.0, 150], [350, 150]]), WHITE)
    column = canvas.pixels[140:160, 200].astype(int)
    assert column.max() - column.min() > 150
    pixels = ground(value)
    put_text(pixels, 'Schädel µ', (20, 20), 14)
    assert int(pixels.max()) - int(pixels.min()) > 200


def test_lines_and_letters_grow_with_the_picture():
    assert line_width((4000, 4000)) > line_width((1000, 1000)) > line_width((200, 200)) >= 1
    assert letter_size((4000, 4000)) > letter_size((1000, 1000)) > letter_size((10, 10)) >= 11


def test_a_line_lies_where_its_points_are_at_every_scale():
    for scale in (1.0, 0.5, 2.0):
        canvas = Canvas(ground(0), scale)
        canvas.line(np.array([[100.0, 150], [300, 150]]), RED)
        rows, columns = np.nonzero(canvas.pixels[..., 0] > 127)
        assert abs(rows.mean() + 0.5 - 150 * scale) <= 0.6
        assert abs(columns.mean() + 0.5 - 200 * scale) <= 0.6


def test_what_is_not_finite_is_no_defect():
    canvas = Canvas(ground(0))
    canvas.box(np.array([np.nan, 0, np.inf, 1e30]), RED)
    canvas.name('x', np.array([np.nan, 1]), RED)
    assert canvas.finish() == [('x', RED)]


def test_captions_break_where_they_do_not_fit():
    panel = ground(200)
    texts = [(f'name {i}', WHITE) for i in range(20)]
    whole = stack_under_captions([panel, panel], [texts, texts[:1]])
    assert (whole[-300:, :400] == 200).all()
    assert (whole[-300:, -400:] == 200).all()
    step = text_size('', letter_size(panel.shape))[1]
    assert whole.shape[0] > 300 + 4 * step
