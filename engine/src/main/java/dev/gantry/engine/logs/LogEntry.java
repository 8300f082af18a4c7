package dev.gantry.engine.logs;

import java.time.Instant;

/// A line of a container's output or a piece of one.
///
/// @param stream `stdout` or `stderr`
/// @param text ends with a newline where the line ends
/// @param attributes what the log options `labels`, `env` and `tag` ask to be kept with each line
public record LogEntry(
    String stream, byte[] text, Instant time, java.util.Map<String, String> attributes) {}
