from aurora_mm.apis.config_check.build_errors import build_errors_as_config_errors
from aurora_mm.apis.config_check.config_checker import check_config
from aurora_mm.apis.config_check.known_keys import effective_keys
from aurora_mm.apis.config_check.pipelines import check_prediction_pipeline

__all__ = ['build_errors_as_config_errors', 'check_config', 'check_prediction_pipeline', 'effective_keys']
