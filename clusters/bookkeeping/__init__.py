"""What is kept on the cluster itself: who may write to it, and what was applied there."""
