"""Waits until the database has the schema of the installed MLflow, which the Job mlflow-migrate gives it.

Without it, a roll-out's new servers would fail on the old schema, and several would at once set up an empty database.
"""

import os
import sys
import time

from mlflow.exceptions import MlflowException
from mlflow.store.db import utils
from sqlalchemy.exc import SQLAlchemyError

engine = utils.create_sqlalchemy_engine_with_retry(os.environ["MLFLOW_BACKEND_STORE_URI"])
while True:
    try:
        utils._verify_schema(engine)
    except (MlflowException, SQLAlchemyError) as error:
        sys.stdout.write(f"{str(error).splitlines()[0]}\n")
        sys.stdout.flush()
        time.sleep(2)
    else:
        break
