// Reading and writing HTTP/1: a head as a browser's gateway sends it, and bodies in chunks.
#include <benchmark/benchmark.h>

#include <string>
#include <vector>

#include "sidecar/http/body_decoder.h"
#include "sidecar/http/http1_head.h"
#include "sidecar/http/http1_writer.h"

namespace naru::http {
namespace {

const std::string& RequestBytes() {
  static const std::string bytes =
      "GET /v1/courses/8412/lessons?page=2&size=50 HTTP/1.1\r\nHost: courses\r\n"
      "User-Agent: okhttp/4.12.0\r\nAccept: application/json\r\nAccept-Encoding: gzip, deflate, br\r\n"
      "Connection: keep-alive\r\nX-Request-Id: 4bf92f35-77b3-4da6-a3ce-929d0e0e4736\r\n"
      "Traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\n"
      "Authorization: Bearer eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.sig\r\n"
      "Cookie: session=0123456789abcdef\r\n\r\n";
  return bytes;
}

const std::string& ResponseBytes() {
  static const std::string bytes =
      "HTTP/1.1 200 OK\r\nDate: Mon, 01 Jan 2024 00:00:00 GMT\r\nContent-Type: application/json\r\n"
      "Content-Length: 100\r\nConnection: keep-alive\r\nCache-Control: no-store\r\n\r\n";
  return bytes;
}

void ScanAHead(benchmark::State& state) {
  HeadScanner scanner;
  for (auto _ : state) {
    scanner.Reset();
    benchmark::DoNotOptimize(scanner.Scan(RequestBytes()));
  }
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * RequestBytes().size()));
}
BENCHMARK(ScanAHead);

void ParseARequestHead(benchmark::State& state) {
  RequestHead head;
  for (auto _ : state) benchmark::DoNotOptimize(ParseRequestHead(RequestBytes(), head));
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * RequestBytes().size()));
}
BENCHMARK(ParseARequestHead);

void ParseAResponseHead(benchmark::State& state) {
  ResponseHead head;
  for (auto _ : state) benchmark::DoNotOptimize(ParseResponseHead(ResponseBytes(), "GET", head));
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * ResponseBytes().size()));
}
BENCHMARK(ParseAResponseHead);

void MarkHopByHopFields(benchmark::State& state) {
  RequestHead head;
  ParseRequestHead(RequestBytes(), head);
  for (auto _ : state) MarkHopByHop(head.fields);
}
BENCHMARK(MarkHopByHopFields);

// The worst that Connection may ask for.
void MarkHopByHopFieldsOfAHostileHead(benchmark::State& state) {
  std::string names;
  for (size_t i = 0; i < kMaxConnectionTokens; ++i) names += "a,";
  FieldList fields;
  fields.Add("Connection", names);
  while (fields.size() < kMaxFields) fields.Add("b", "");
  for (auto _ : state) MarkHopByHop(fields);
}
BENCHMARK(MarkHopByHopFieldsOfAHostileHead)->Unit(benchmark::kMicrosecond);

void WriteARequestHead(benchmark::State& state) {
  RequestHead head;
  ParseRequestHead(RequestBytes(), head);
  std::string out;
  for (auto _ : state) {
    out.clear();
    AppendRequestLine(out, head.method, head.target);
    for (const Field& field : head.fields) {
      if (!field.hop_by_hop) AppendField(out, field.name, field.value);
    }
    AppendEndOfHead(out);
    benchmark::DoNotOptimize(out.data());
  }
}
BENCHMARK(WriteARequestHead);

// 64 KiB of body in chunks of so many bytes.
void DecodeChunks(benchmark::State& state) {
  const std::string payload(static_cast<size_t>(state.range(0)), 'x');
  std::string body;
  while (body.size() < 64 * 1024) {
    body.append(ChunkPrefix(payload.size()).text()).append(payload).append(kChunkSuffix);
  }
  AppendLastChunk(body, {});
  BodyDecoder decoder;
  std::string bytes;
  for (auto _ : state) {
    bytes = body;  // decoding moves them
    decoder.Start({Framing::Kind::kChunked, 0});
    benchmark::DoNotOptimize(decoder.Decode({bytes.data(), bytes.size()}).payload.data());
  }
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * body.size()));
}
BENCHMARK(DecodeChunks)->Arg(16)->Arg(1024)->Arg(16 * 1024);

}  // namespace
}  // namespace naru::http
