work_dir = '/tmp/pytest-of-root/pytest-96/test_mlflow_in_a_folder0/out'
