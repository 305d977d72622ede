// CoreDNS with the plugins that a cluster made by kubeadm uses, and two for a person who looks into it. All of them
// would bring the libraries of three clouds, and take as long to compile as half of Kubernetes.
package main

import (
	"github.com/coredns/coredns/coremain"

	// In kubeadm's Corefile. The order in which they serve a request is CoreDNS's own, not this list's.
	_ "github.com/coredns/coredns/plugin/cache"
	_ "github.com/coredns/coredns/plugin/errors"
	_ "github.com/coredns/coredns/plugin/forward"
	_ "github.com/coredns/coredns/plugin/health"
	_ "github.com/coredns/coredns/plugin/kubernetes"
	_ "github.com/coredns/coredns/plugin/loadbalance"
	_ "github.com/coredns/coredns/plugin/loop"
	_ "github.com/coredns/coredns/plugin/metrics"
	_ "github.com/coredns/coredns/plugin/ready"
	_ "github.com/coredns/coredns/plugin/reload"

	// For people: queries in the log, and names by hand.
	_ "github.com/coredns/coredns/plugin/hosts"
	_ "github.com/coredns/coredns/plugin/log"
)

func main() {
	coremain.Run()
}
