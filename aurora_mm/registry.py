"""Child registries of MMEngine's, under the scope ``aurora_mm``.

This module imports almost nothing of the package. MMEngine imports it by name if a config says ``type='aurora_mm.X'``
and ignores an ImportError there, which would then be reported as 'X is not registered'. The modules in ``locations``
are imported at the first look-up.
"""

from mmengine import registry as mm
from mmengine.registry import Registry

from aurora_mm.compat import apply_guards
from aurora_mm.mmcv_operators import stand_in_for_operators

apply_guards()
stand_in_for_operators()

_ENGINE = 'aurora_mm.engine'

# Registries to which the package adds classes.
MODELS = Registry('model', parent=mm.MODELS, scope='aurora_mm', locations=['aurora_mm.models'])
TASK_UTILS = Registry('task util', parent=mm.TASK_UTILS, scope='aurora_mm', locations=['aurora_mm.models'])
DATASETS = Registry('dataset', parent=mm.DATASETS, scope='aurora_mm', locations=['aurora_mm.datasets'])
TRANSFORMS = Registry('transform', parent=mm.TRANSFORMS, scope='aurora_mm', locations=['aurora_mm.datasets.transforms'])
DATA_SAMPLERS = Registry(
    'data sampler', parent=mm.DATA_SAMPLERS, scope='aurora_mm', locations=['aurora_mm.datasets.samplers']
)
METRICS = Registry('metric', parent=mm.METRICS, scope='aurora_mm', locations=['aurora_mm.evaluation'])
MEASUREMENTS = Registry('measurement', scope='aurora_mm', locations=['aurora_mm.measurements'])
WEIGHT_FORMATS = Registry('weight format', scope='aurora_mm', locations=['aurora_mm.weight_formats'])
EVALUATOR = Registry('evaluator', parent=mm.EVALUATOR, scope='aurora_mm', locations=['aurora_mm.evaluation'])
HOOKS = Registry('hook', parent=mm.HOOKS, scope='aurora_mm', locations=[_ENGINE])
FUNCTIONS = Registry('function', parent=mm.FUNCTIONS, scope='aurora_mm', locations=[_ENGINE])
OPTIM_WRAPPERS = Registry('optim wrapper', parent=mm.OPTIM_WRAPPERS, scope='aurora_mm', locations=[_ENGINE])
PARAM_SCHEDULERS = Registry('parameter scheduler', parent=mm.PARAM_SCHEDULERS, scope='aurora_mm', locations=[_ENGINE])
STRATEGIES = Registry('strategy', parent=mm.STRATEGIES, scope='aurora_mm', locations=[_ENGINE])
VISUALIZERS = Registry('visualizer', parent=mm.VISUALIZERS, scope='aurora_mm', locations=['aurora_mm.visualization'])

# Registries without own classes. With ``default_scope = 'aurora_mm'`` MMEngine looks here first and warns if the scope
# has no registry.
LOG_PROCESSORS = Registry('log processor', parent=mm.LOG_PROCESSORS, scope='aurora_mm', locations=[_ENGINE])
LOOPS = Registry('loop', parent=mm.LOOPS, scope='aurora_mm', locations=[_ENGINE])
MODEL_WRAPPERS = Registry('model wrapper', parent=mm.MODEL_WRAPPERS, scope='aurora_mm', locations=[_ENGINE])
OPTIMIZERS = Registry('optimizer', parent=mm.OPTIMIZERS, scope='aurora_mm', locations=[_ENGINE])
OPTIM_WRAPPER_CONSTRUCTORS = Registry(
    'optim wrapper constructor', parent=mm.OPTIM_WRAPPER_CONSTRUCTORS, scope='aurora_mm', locations=[_ENGINE]
)
RUNNERS = Registry('runner', parent=mm.RUNNERS, scope='aurora_mm', locations=[_ENGINE])
VISBACKENDS = Registry('vis backend', parent=mm.VISBACKENDS, scope='aurora_mm', locations=['aurora_mm.visualization'])
WEIGHT_INITIALIZERS = Registry(
    'weight initializer', parent=mm.WEIGHT_INITIALIZERS, scope='aurora_mm', locations=['aurora_mm.models']
)
