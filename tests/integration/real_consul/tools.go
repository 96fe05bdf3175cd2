//go:build tools

// Package tools names the Consul agent that tests/integration/real_consul/run.sh builds, so that go.mod keeps its version.
package tools

import (
	_ "github.com/hashicorp/consul"
)
