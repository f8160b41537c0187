"""What people get to see: the read model, made of the state and kept up to date.

`views`, `rollouts`, `needs`, `why` and `narrating` are pure; `publisher` keeps the newest views,
`feed` streams their changes; `details` and `forecast` ask clusters when a person does.
"""
