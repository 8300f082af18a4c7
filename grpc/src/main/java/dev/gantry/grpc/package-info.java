/// gRPC over connections that are there already: HTTP/2 in both roles on a pair of streams, and
/// protobuf messages without generated code. [Connection] is the entry, [Call] one call, [Message]
/// what is said in it. Knows nothing of builds.
package dev.gantry.grpc;
