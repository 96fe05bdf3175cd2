// CoreDNS with the few plugins that tests/integration/test_discovery_dns.py uses, so that it builds in seconds. The
// whole of it pulls in the clients of every cloud.
package main

import (
	"github.com/coredns/coredns/coremain"

	_ "github.com/coredns/coredns/plugin/bind"
	_ "github.com/coredns/coredns/plugin/cache"
	_ "github.com/coredns/coredns/plugin/errors"
	_ "github.com/coredns/coredns/plugin/file"
)

func main() {
	coremain.Run()
}
