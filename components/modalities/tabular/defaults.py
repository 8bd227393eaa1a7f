"""What networks on rows of a table are trained with where a recipe leaves it to the run. Imports no torch.

Chosen on 20,000 flights on other days than the shipped recipe's test rows: the dense network was as good at this rate
as at three times it, and better than a transformer over columns that learnt twice as long. Weights by class, since the
main measure gives each class the same say; a student learns of its teacher alone, for the labels are not weighed.
"""

from stillhouse.components.training.derived import Defaults, Overhead, Rules

DEFAULTS = Defaults(
    pretrain=Rules(steps=1000, epochs=(2, 20), learning_rate=1e-3, batch_rows=64),
    finetune=Rules(
        steps=2000, epochs=(4, 60), learning_rate=1e-3, batch_rows=64, further={"class_weights": "balanced"}
    ),
    distill=Rules(
        steps=2000,
        epochs=(6, 60),
        learning_rate=2e-3,
        batch_rows=64,
        further={"temperature": 1.0, "soft_weight": 1.0},
    ),
    overhead=Overhead(step=0.004, example=2e-5),
)
