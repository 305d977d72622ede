"""A real kube-apiserver with its etcd on this machine, without a cluster: for the benchmark and for tests."""
