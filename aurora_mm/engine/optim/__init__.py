from aurora_mm.engine.optim.accumulating_optim_wrapper import AccumulatingOptimWrapper
from aurora_mm.engine.optim.autocast_optim_wrapper import AutocastOptimWrapper
from aurora_mm.engine.optim.cagrad_combiner import CAGradCombiner
from aurora_mm.engine.optim.gradient_combiner import GradientCombiner
from aurora_mm.engine.optim.gradient_surgery_optim_wrapper import GradientSurgeryOptimWrapper
from aurora_mm.engine.optim.layer_decay_optim_wrapper_constructor import LayerDecayOptimWrapperConstructor
from aurora_mm.engine.optim.muon_with_adamw import MuonWithAdamW
from aurora_mm.engine.optim.nash_mtl_combiner import NashMTLCombiner
from aurora_mm.engine.optim.one_cycle_lr import OneCycleLR
from aurora_mm.engine.optim.pcgrad_combiner import PCGradCombiner
from aurora_mm.engine.optim.sharded_optim_wrapper import ShardedOptimWrapper

__all__ = [
    'AccumulatingOptimWrapper',
    'AutocastOptimWrapper',
    'CAGradCombiner',
    'GradientCombiner',
    'GradientSurgeryOptimWrapper',
    'LayerDecayOptimWrapperConstructor',
    'MuonWithAdamW',
    'NashMTLCombiner',
    'OneCycleLR',
    'PCGradCombiner',
    'ShardedOptimWrapper',
]
