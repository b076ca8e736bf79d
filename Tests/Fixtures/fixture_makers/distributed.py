"""A directory of PyTorch's distributed checkpoints, written by one process."""
import logging
import os
import shutil
import uuid
import warnings
from unittest import mock

import torch
import torch.distributed.checkpoint as dcp

from fixture_makers import pytorch_files


def make(folder):
    warnings.filterwarnings("ignore")
    logging.disable(logging.WARNING)
    os.makedirs(folder, exist_ok=True)
    shutil.rmtree(os.path.join(folder, "step-4"), ignore_errors=True)
    os.chdir(folder)
    state = {"model": dict(pytorch_files.weights()), "step": 4, "scalar": torch.tensor(2.5)}
    # .metadata names the directory as it was given, and an id that would be new each time.
    with mock.patch.object(uuid, "uuid4", lambda: uuid.UUID(int=4)):
        dcp.save(state, checkpoint_id="step-4", no_dist=True)
