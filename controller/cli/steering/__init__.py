"""Commands on campaigns in the cluster: `run`, `watch`, `suspend`, `resume`, `abort`, `token`, `subjects`."""
