package dev.gantry.bench;

import dev.gantry.testkit.RegistryServer;
import java.io.BufferedInputStream;
import java.io.Closeable;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.Socket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.SplittableRandom;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/// Sixteen clients push and pull at once: our registry beside Debian's docker-registry, on the same
/// disk, with clients that do as little as can be done.
final class RegistryBench {
  private static final int CLIENTS = 16;
  private static final int BLOBS = 4;
  private static final int BLOB_BYTES = 4 << 20;
  private static final int PULLS = 16;
  private static final int IMAGES = 25;
  private static final String TYPE = "application/vnd.oci.image.manifest.v1+json";

  private final int rounds;
  private final SplittableRandom random = new SplittableRandom();

  RegistryBench(int rounds) {
    this.rounds = rounds;
  }

  void run() throws Exception {
    try (RegistryServer ours = RegistryServer.gantry();
        RegistryServer theirs = RegistryServer.docker()) {
      Row push =
          new Row("push: 16 clients, 4 blobs of 4 MiB each", "at most docker-registry's time");
      Row pull =
          new Row("pull: 16 clients, 16 blobs of 4 MiB each", "at most docker-registry's time");
      Row images =
          new Row(
              "16 clients push 25 small images each and pull them by tag",
              "at most docker-registry's time");
      Row cpu = new Row("processor time of the server in all of this", "");
      for (int round = -1; round < rounds; round++) {
        measured("gantry registry", ours, push, pull, images, cpu, round < 0);
        measured("docker-registry", theirs, push, pull, images, cpu, round < 0);
      }
      for (Row row : List.of(push, pull, images, cpu)) {
        row.lines("ms").forEach(System.out::println);
        System.out.println();
      }
    }
  }

  private void measured(
      String name, RegistryServer server, Row push, Row pull, Row images, Row cpu, boolean warmUp)
      throws Exception {
    long used = ProcessorTime.millis(server.pid());
    List<List<Blob>> blobs = new ArrayList<>();
    for (int client = 0; client < CLIENTS; client++) {
      List<Blob> own = new ArrayList<>();
      for (int i = 0; i < BLOBS; i++) {
        own.add(blob(BLOB_BYTES));
      }
      blobs.add(own);
    }
    double pushed =
        all(
            server,
            (client, connection) -> {
              for (Blob blob : blobs.get(client)) {
                connection.push("bench/" + client, blob);
              }
            });
    double pulled =
        all(
            server,
            (client, connection) -> {
              for (int i = 0; i < PULLS; i++) {
                Blob blob = blobs.get(client).get(i % BLOBS);
                connection.pull("/v2/bench/" + client + "/blobs/" + blob.digest());
              }
            });
    double small =
        all(
            server,
            (client, connection) -> {
              SplittableRandom own = new SplittableRandom(client);
              for (int i = 0; i < IMAGES; i++) {
                String repository = "small/" + client;
                Blob config = blob("{\"n\":\"" + System.nanoTime() + own.nextLong() + "\"}");
                Blob layer = blob(String.valueOf(own.nextLong()).repeat(50));
                connection.push(repository, config);
                connection.push(repository, layer);
                String path = "/v2/" + repository + "/manifests/t" + i;
                connection.put(path, TYPE, manifest(config, layer));
                connection.pull(path);
              }
            });
    if (!warmUp) {
      push.value(name, pushed);
      pull.value(name, pulled);
      images.value(name, small);
      cpu.value(name, ProcessorTime.millis(server.pid()) - (double) used);
    }
  }

  @FunctionalInterface
  private interface Work {
    void run(int client, Connection connection) throws Exception;
  }

  /// All clients at once, each on its connection; milliseconds until the last has ended.
  private static double all(RegistryServer server, Work work) throws Exception {
    URI address = URI.create("http://" + server.address());
    try (ExecutorService threads = Executors.newFixedThreadPool(CLIENTS)) {
      long start = System.nanoTime();
      List<Future<?>> clients = new ArrayList<>();
      for (int i = 0; i < CLIENTS; i++) {
        int client = i;
        clients.add(
            threads.submit(
                () -> {
                  try (Connection connection = new Connection(address)) {
                    work.run(client, connection);
                  }
                  return null;
                }));
      }
      for (Future<?> each : clients) {
        try {
          each.get();
        } catch (ExecutionException e) {
          throw new IOException(String.valueOf(e.getCause()), e);
        }
      }
      return (System.nanoTime() - start) / 1e6;
    }
  }

  private record Blob(byte[] bytes, String digest) {}

  private Blob blob(int size) {
    byte[] bytes = new byte[size];
    for (int i = 0; i < size; i += 4096) {
      bytes[i] = (byte) random.nextInt();
      bytes[i + 1] = (byte) random.nextInt();
    }
    return new Blob(bytes, digest(bytes));
  }

  private static Blob blob(String text) {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    return new Blob(bytes, digest(bytes));
  }

  private static String digest(byte[] bytes) {
    try {
      byte[] value = MessageDigest.getInstance("SHA-256").digest(bytes);
      return "sha256:" + HexFormat.of().formatHex(value);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }

  private static byte[] manifest(Blob config, Blob layer) {
    return String.format(
            Locale.ROOT,
            "{\"schemaVersion\":2,\"mediaType\":\"%s\",\"config\":{\"mediaType\":"
                + "\"application/vnd.oci.image.config.v1+json\",\"digest\":\"%s\",\"size\":%d},"
                + "\"layers\":[{\"mediaType\":\"application/vnd.oci.image.layer.v1.tar\","
                + "\"digest\":\"%s\",\"size\":%d}]}",
            TYPE,
            config.digest(),
            config.bytes().length,
            layer.digest(),
            layer.bytes().length)
        .getBytes(StandardCharsets.UTF_8);
  }

  /// A kept connection with the least of a client: no thread, no pool, bodies are thrown away.
  private static final class Connection implements Closeable {
    private final String host;
    private final Socket socket;
    private final InputStream in;
    private final OutputStream out;
    private final byte[] scrap = new byte[128 * 1024];
    private String location = "";

    Connection(URI address) throws IOException {
      host = address.getAuthority();
      socket = new Socket(address.getHost(), address.getPort());
      socket.setTcpNoDelay(true);
      in = new BufferedInputStream(socket.getInputStream(), 128 * 1024);
      out = socket.getOutputStream();
    }

    void push(String repository, Blob blob) throws IOException {
      send("POST", "/v2/" + repository + "/blobs/uploads/", "", new byte[0], 202);
      send("PATCH", location, "application/octet-stream", blob.bytes(), 202);
      String sign = location.contains("?") ? "&" : "?";
      send("PUT", location + sign + "digest=" + blob.digest(), "", new byte[0], 201);
    }

    void put(String path, String type, byte[] body) throws IOException {
      send("PUT", path, type, body, 201);
    }

    void pull(String path) throws IOException {
      send("GET", path, "", new byte[0], 200);
    }

    private void send(String method, String target, String type, byte[] body, int expected)
        throws IOException {
      String path = target.startsWith("/") ? target : target.substring(target.indexOf('/', 8));
      String head =
          method
              + " "
              + path
              + " HTTP/1.1\r\nHost: "
              + host
              + "\r\nAccept: "
              + TYPE
              + (type.isEmpty() ? "" : "\r\nContent-Type: " + type)
              + (method.equals("GET") ? "" : "\r\nContent-Length: " + body.length)
              + "\r\n\r\n";
      out.write(head.getBytes(StandardCharsets.US_ASCII));
      out.write(body);
      String status = line();
      long length = 0;
      for (String header = line(); !header.isEmpty(); header = line()) {
        String lower = header.toLowerCase(Locale.ROOT);
        if (lower.startsWith("content-length:")) {
          length = Long.parseLong(header.substring(15).strip());
        } else if (lower.startsWith("location:")) {
          location = header.substring(9).strip();
        }
      }
      while (length > 0) {
        int n = in.read(scrap, 0, (int) Math.min(scrap.length, length));
        if (n < 0) {
          throw new IOException("the answer broke off");
        }
        length -= n;
      }
      if (!status.startsWith("HTTP/1.1 " + expected)) {
        throw new IOException(method + " " + target + ": " + status);
      }
    }

    private String line() throws IOException {
      StringBuilder line = new StringBuilder();
      for (int c = in.read(); c != '\n'; c = in.read()) {
        if (c < 0) {
          throw new IOException("the server left");
        }
        if (c != '\r') {
          line.append((char) c);
        }
      }
      return line.toString();
    }

    @Override
    public void close() throws IOException {
      socket.close();
    }
  }
}
