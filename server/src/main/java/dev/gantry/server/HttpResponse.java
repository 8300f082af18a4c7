package dev.gantry.server;

import dev.gantry.http.Response;
import dev.gantry.json.Json;
import dev.gantry.json.JsonWriter;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.List;

/// The answer to one request as Docker's daemon gives it: either whole, or a stream, or the
/// connection itself.
public final class HttpResponse {
  private static final int CHUNK_ABOVE = 2048;

  private final Response wire;

  HttpResponse(Response wire) {
    this.wire = wire;
  }

  boolean isStarted() {
    return wire.isStarted();
  }

  void header(String name, String value) {
    wire.header(name, value);
  }

  void removeHeader(String name) {
    wire.removeHeader(name);
  }

  /// Takes off what Docker's daemon says of itself in all answers but a few.
  HttpResponse withoutVersion() {
    for (String name : List.of("Api-Version", "Docker-Experimental", "Ostype", "Server")) {
      removeHeader(name);
    }
    return this;
  }

  /// An error of a request that wanted the connection: plain text to its end.
  void hijackError(int status, String text) throws IOException {
    String type = "Content-Type: application/vnd.docker.raw-stream\r\n";
    end("HTTP/1.1 " + status + " " + Response.reason(status) + "\r\n" + type, text + "\r\n");
  }

  /// A head as given, a text, and the end of the connection.
  void end(String head, String text) throws IOException {
    OutputStream out = raw(head).out();
    out.write(text.getBytes(StandardCharsets.UTF_8));
    out.flush();
    wire.over();
  }

  /// A head as given and the connection itself.
  Hijacked raw(String head) throws IOException {
    Response.Raw raw = wire.takeOver(head);
    return new Hijacked(raw.in(), raw.out());
  }

  /// A JSON answer with Docker's newline behind it.
  public void json(int status, Json value) throws IOException {
    body(
        status,
        "application/json",
        (JsonWriter.plain(value) + "\n").getBytes(StandardCharsets.UTF_8));
  }

  /// The same with `<`, `>` and `&` escaped: Docker does so in the inspection of images alone.
  public void escapedJson(int status, Json value) throws IOException {
    body(status, "application/json", (value.text() + "\n").getBytes(StandardCharsets.UTF_8));
  }

  public void text(int status, String type, String text) throws IOException {
    body(status, type, text.getBytes(StandardCharsets.UTF_8));
  }

  /// An answer without a body.
  public void empty(int status) throws IOException {
    wire.empty(status);
  }

  private void body(int status, String type, byte[] bytes) throws IOException {
    if (bytes.length <= CHUNK_ABOVE || wire.isHead()) {
      header("Content-Type", type);
      wire.send(status, bytes);
    } else {
      try (OutputStream out = stream(status, type)) {
        out.write(bytes);
      }
    }
  }

  /// Runs `action` if the client closes the connection before the answer's end; the request's body
  /// must have been read.
  void whenGone(Runnable action) {
    wire.whenGone(action);
  }

  /// Begins a body of unknown length: each write is one chunk that goes out at once.
  ///
  /// @param type empty for none
  public OutputStream stream(int status, String type) throws IOException {
    if (!type.isEmpty()) {
      header("Content-Type", type);
    }
    return wire.chunked(status);
  }

  /// The raw connection after an upgrade (or without one, as old clients ask).
  public record Hijacked(InputStream in, OutputStream out) {}

  /// Takes the connection over: 101 where the client asked for an upgrade, else 200.
  public Hijacked hijack(boolean upgrade, String type, String protocol) throws IOException {
    Response.Raw raw =
        wire.takeOver(
            upgrade
                ? "HTTP/1.1 101 UPGRADED\r\nContent-Type: "
                    + type
                    + "\r\nConnection: Upgrade\r\nUpgrade: "
                    + protocol
                    + "\r\n"
                : "HTTP/1.1 200 OK\r\nContent-Type: application/vnd.docker.raw-stream\r\n");
    return new Hijacked(raw.in(), raw.out());
  }
}
