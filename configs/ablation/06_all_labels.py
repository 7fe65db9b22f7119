# Step 6: an image is trained with the labels that it has for all tasks. What aurora_us_real_fine.py adds is the running
# mean of the weights.
_base_ = './05_detail.py'

train_dataloader = dict(dataset=dict(all_labels=True))
