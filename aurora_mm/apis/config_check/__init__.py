from aurora_mm.apis.config_check.build_errors import build_errors_as_config_errors
from aurora_mm.apis.config_check.config_checker import check_config, known_keys

__all__ = ['build_errors_as_config_errors', 'check_config', 'known_keys']
