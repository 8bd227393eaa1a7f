"""The file that MLflow keeps beside a registered model of any kind but text, and runs to load it (models from code).

It asks Stillhouse itself, which is among its requirements. MLflow runs it when the model is logged, too, where there
may be no torch: so what it needs is imported when the model is loaded.
"""

import json
from pathlib import Path
from typing import Any

import pandas as pd
from mlflow.models import set_model
from mlflow.pyfunc import PythonModel


class TaskModel(PythonModel):
    """Answers for rows as `stillhouse predict` does."""

    def load_context(self, context: Any) -> None:
        """Load the folder that is the artifact `model` through its task."""
        from stillhouse.components.artifacts.spec import Spec
        from stillhouse.components.tasks import task_of

        folder = Path(context.artifacts["model"])
        self.task = task_of(Spec.of_model(json.loads((folder / "model.json").read_text("utf-8"))))
        self.loaded = self.task.load(folder)

    def predict(  # pyrefly: ignore[bad-override] - the parent's bare body reads as "returns None"
        self, context: Any, model_input: pd.DataFrame, params: dict[str, Any] | None = None
    ) -> pd.DataFrame:
        """Answer for a table with the columns that the model was trained on.

        Returns:
            One row for each of the table, with the columns that `stillhouse predict` adds; where an example is made of
            several rows (a user's), one for each example, with what tells it apart.

        Raises:
            ValueError: a row cannot be answered; the sentence names it.
        """
        import pyarrow as pa

        from stillhouse.components.predict.ask import ask_table
        from stillhouse.errors import UserError

        try:
            rows, answers = ask_table(self.task, self.loaded, pa.Table.from_pandas(model_input, preserve_index=False))
        except UserError as error:
            raise ValueError(str(error)) from None
        if not self.task.gathers:
            return pd.DataFrame(answers)
        return pd.DataFrame([row | answer for row, answer in zip(rows, answers, strict=True)])


set_model(TaskModel())
