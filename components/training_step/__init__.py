"""What pretrain, finetune and distill share: one training, from its settings to the model that it writes."""
