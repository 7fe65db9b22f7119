from aurora_mm.analysis.robustness_table import robustness_rows, robustness_table

CONTENT = dict(
    strengths=[0.5, 1.0],
    plain=dict(score=0.8, tasks=dict(lung=0.8, femur=0.9)),
    corruptions={
        'gain': dict(unit='+15 dB', score=[0.75, 0.55], tasks=dict(lung=[0.7, 0.3], femur=[0.9, 0.92])),
        'blur': dict(unit='much', score=[0.8, 0.7], tasks=dict(lung=[0.8, 0.7], femur=[0.85, 0.5])),
    },
)


def test_losses_by_hand():
    lung, femur, score = robustness_rows(CONTENT)
    assert {title: round(loss, 9) for title, loss in lung.losses.items()} == {'gain': 0.3, 'blur': 0.05}
    assert (lung.worst.corruption, lung.worst.strength, round(lung.worst.loss, 9)) == ('gain', 1.0, 0.5)
    assert round(femur.losses['gain'], 9) == -0.01
    assert femur.worst.corruption == 'blur'
    assert femur.curves['gain'] == [0.9, 0.9, 0.92]
    assert (score.name, score.worst.corruption) == ('score', 'gain')


def test_markdown():
    text = robustness_table(CONTENT)
    assert 'averaged over the strengths 0.5, 1. Strength 1 is: gain +15 dB; blur much.' in text
    row = next(line for line in text.splitlines() if 'lung' in line)
    assert [cell.strip() for cell in row.strip('|').split('|')] == [
        'lung', '0.800', '-0.300', '-0.050', 'gain at 1: -0.500',
    ]  # fmt: skip
    assert '**score**' in text
