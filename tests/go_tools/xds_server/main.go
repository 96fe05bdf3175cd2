// Command xds_server serves what a test tells it by go-control-plane, the control plane that others build theirs on.
//
// Commands are JSON lines on standard input, each a whole snapshot in Envoy's own messages:
//
//	{"version": "7", "clusters": [{"name": ...}], "assignments": [{"clusterName": ..., "endpoints": [...]}]}
//
// Events are JSON lines on standard output: the port, every snapshot that is in force, every request that came.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"net"
	"os"
	"sync"

	cluster "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpoint "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	discovery "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"github.com/envoyproxy/go-control-plane/pkg/cache/types"
	"github.com/envoyproxy/go-control-plane/pkg/cache/v3"
	"github.com/envoyproxy/go-control-plane/pkg/resource/v3"
	"github.com/envoyproxy/go-control-plane/pkg/server/v3"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

const longestCommand = 64 << 20

type command struct {
	Version     string            `json:"version"`
	Clusters    []json.RawMessage `json:"clusters"`
	Assignments []json.RawMessage `json:"assignments"`
}

type event struct {
	Listening int      `json:"listening,omitempty"`
	Set       string   `json:"set,omitempty"`
	Request   *request `json:"request,omitempty"`
}

type request struct {
	Stream  int64    `json:"stream"`
	Type    string   `json:"type"`
	Names   []string `json:"names"`
	Version string   `json:"version"`
	Nonce   string   `json:"nonce"`
	Error   string   `json:"error"`
	Node    string   `json:"node"`
	Cluster string   `json:"cluster"`
}

// everyone gets the one snapshot.
type everyone struct{}

func (everyone) ID(*core.Node) string { return "everyone" }

type teller struct{ mutex sync.Mutex }

func (t *teller) tell(e event) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	line, err := json.Marshal(e)
	orDie(err)
	fmt.Println(string(line))
}

func orDie(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "xds_server:", err)
		os.Exit(1)
	}
}

func requestOf(stream int64, message *discovery.DiscoveryRequest) event {
	return event{Request: &request{
		Stream:  stream,
		Type:    message.GetTypeUrl(),
		Names:   message.GetResourceNames(),
		Version: message.GetVersionInfo(),
		Nonce:   message.GetResponseNonce(),
		Error:   message.GetErrorDetail().GetMessage(),
		Node:    message.GetNode().GetId(),
		Cluster: message.GetNode().GetCluster(),
	}}
}

func read[Message proto.Message](texts []json.RawMessage, fresh func() Message) []types.Resource {
	resources := []types.Resource{}
	for _, text := range texts {
		message := fresh()
		orDie(protojson.Unmarshal(text, message))
		resources = append(resources, message)
	}
	return resources
}

func snapshotOf(line []byte) *cache.Snapshot {
	var c command
	orDie(json.Unmarshal(line, &c))
	snapshot, err := cache.NewSnapshot(c.Version, map[resource.Type][]types.Resource{
		resource.ClusterType:  read(c.Clusters, func() *cluster.Cluster { return &cluster.Cluster{} }),
		resource.EndpointType: read(c.Assignments, func() *endpoint.ClusterLoadAssignment { return &endpoint.ClusterLoadAssignment{} }),
	})
	orDie(err)
	return snapshot
}

func main() {
	listen := flag.String("listen", "127.0.0.1:0", "address and port")
	ads := flag.Bool("ads", false, "answer only who asks for all resources of a type, as go-control-plane does in its ADS mode")
	flag.Parse()

	snapshots := cache.NewSnapshotCache(*ads, everyone{}, nil)
	out := &teller{}
	callbacks := server.CallbackFuncs{StreamRequestFunc: func(stream int64, message *discovery.DiscoveryRequest) error {
		out.tell(requestOf(stream, message))
		return nil
	}}
	served := grpc.NewServer()
	discovery.RegisterAggregatedDiscoveryServiceServer(served, server.NewServer(context.Background(), snapshots, callbacks))
	listener, err := net.Listen("tcp", *listen)
	orDie(err)
	go func() { orDie(served.Serve(listener)) }()
	out.tell(event{Listening: listener.Addr().(*net.TCPAddr).Port})

	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, longestCommand)
	for lines.Scan() {
		snapshot := snapshotOf(lines.Bytes())
		orDie(snapshots.SetSnapshot(context.Background(), "everyone", snapshot))
		out.tell(event{Set: snapshot.GetVersion(resource.EndpointType)})
	}
}
