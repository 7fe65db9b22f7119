from aurora_mm.engine.optim.autocast_optim_wrapper import AutocastOptimWrapper
from aurora_mm.engine.optim.layer_decay_optim_wrapper_constructor import LayerDecayOptimWrapperConstructor

__all__ = ['AutocastOptimWrapper', 'LayerDecayOptimWrapperConstructor']
