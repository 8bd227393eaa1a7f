"""Labels of the objects that Kubernetes keeps for a run."""

RUN_LABEL = "pipeline/runid"
"""Id of KFP's run: of pods, to which KFP gives it, and of TrainJobs."""
PART_OF = {"app.kubernetes.io/part-of": "stillhouse"}
"""By which network policies and dashboards select what is ours."""
QUEUE_LABEL = "kueue.x-k8s.io/queue-name"
"""By which Kueue holds a pod or a job until its queue has room."""
