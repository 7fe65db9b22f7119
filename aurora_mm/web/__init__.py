"""The web page of ``aurora-mm serve``: a model's predictions for one picture at a time, on this machine alone."""
