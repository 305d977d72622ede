"""The EvalCampaign controller: runs campaigns of chaos trials and leaves one record per attempt."""
