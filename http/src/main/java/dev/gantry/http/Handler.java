package dev.gantry.http;

import java.io.IOException;

/// Answers requests, many at a time.
@FunctionalInterface
public interface Handler {
  /// Answers one request; an exception closes the connection.
  void handle(Request request, Response response) throws IOException;
}
