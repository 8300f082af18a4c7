package dev.gantry.network;

/// A container port that is reachable on the host.
///
/// @param hostIp address on which it is bound; `0.0.0.0` and `::` are two entries
public record PublishedPort(int containerPort, String protocol, String hostIp, int hostPort) {}
