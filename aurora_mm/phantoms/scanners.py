"""Three named scanners, whose images look different: train on two of them and test on the third."""

from __future__ import annotations

from aurora_mm.phantoms.physical_scanner import PhysicalScanner
from aurora_mm.phantoms.screen import Screen

SCANNERS: dict[str, PhysicalScanner] = {
    scanner.name: scanner
    for scanner in (
        # High frequencies, compounded speckle and a wide dynamic range, on a large black screen.
        PhysicalScanner(
            'cart',
            probes=dict(linear=(12.0, 4.0), convex=(5.0, 14.0), phased=(3.5, 16.0)),
            cycles=1.5,
            beam=1.2,
            looks=3,
            dynamic_range=66.0,
            gain=2.0,
            noise=-112.0,
            half_angle=(0.6, 0.7),
            screen=Screen(
                (0.22, 0.14, 0.10, 0.06), 0, ('ABDOMEN', 'MI {}  TIs {}', '12.0 MHz'), ('P 4', 'R 2'), True, True
            ),
        ),
        # Lower frequencies, no compounding, a gain curve that leaves the depth dark, on a narrow dark grey screen.
        PhysicalScanner(
            'handheld',
            probes=dict(linear=(7.5, 5.0), convex=(3.5, 15.0), phased=(2.5, 16.0)),
            cycles=2.5,
            beam=2.4,
            focus=0.35,
            focal_length=0.3,
            dynamic_range=54.0,
            gain=3.0,
            tgc=(4.0, 3.0, 0.0, -4.0, -9.0),
            noise=-92.0,
            gamma=0.85,
            half_angle=(0.45, 0.55),
            screen=Screen((0.02, 0.02, 0.02, 0.14), 26, (), ('Preset 2   MI {}', '{} cm'), False, False),
        ),
        # Long pulses, wide beams, strong contrast, an uneven gain curve, on a black screen with a wide right margin.
        PhysicalScanner(
            'vintage',
            probes=dict(linear=(7.5, 5.0), convex=(3.5, 16.0), phased=(2.5, 18.0)),
            cycles=4.0,
            beam=3.4,
            focus=0.6,
            focal_length=0.4,
            dynamic_range=44.0,
            gain=8.0,
            tgc=(-7.0, -2.0, 3.0, 4.0, 0.0),
            noise=-84.0,
            gamma=1.2,
            half_angle=(0.75, 0.85),
            screen=Screen(
                (0.06, 0.18, 0.28, 0.04), 0, ('HOSPITAL  14-MAR', 'GAIN {}', 'POWER {}'), ('F1',), True, False
            ),
        ),
    )
}
"""The scanners by name."""
