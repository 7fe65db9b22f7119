"""The small network of the benchmark of landmark codecs learns and answers."""


def test_a_network_is_trained_and_measured(load_benchmark, monkeypatch):
    benchmark = load_benchmark('landmark_codecs')
    discs = benchmark.discs
    monkeypatch.setattr(benchmark, 'discs', lambda number, rng: discs(4, rng))
    errors, distances = benchmark.learn(benchmark.CODECS['HeatmapCodec, margin of 2 cells (default)'], 0, steps=2)
    assert errors.shape == distances.shape == (8 * 4 * 2,)
    assert 0 < errors.mean() < benchmark.GRID
    assert distances.min() >= -1
