//go:build tools

// Package tools names the conformance tools that tests/install_go_tools.sh builds, so that go.mod keeps their versions.
package tools

import (
	_ "github.com/summerwind/h2spec/cmd/h2spec"
	_ "google.golang.org/grpc/interop/client"
	_ "google.golang.org/grpc/interop/server"
)
