package dev.gantry.testkit;

import dev.gantry.json.Json;
import dev.gantry.json.JsonException;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// One connection of a client with the engine, and what is asked and answered on it.
final class WatchedConnection {
  private static final int BUFFER = 64 * 1024;

  /// Longer lines are not looked at.
  private static final int LONGEST = 16 << 20;

  private record Asked(String method, String target) {}

  private final SocketChannel client;
  private final SocketChannel engine;
  private final ApiSpecification specification;
  private final Consumer<String> faults;
  private final AtomicLong answers;
  private final Queue<Asked> asked = new ConcurrentLinkedQueue<>();
  private final Questions questions = new Questions();
  private final Answers replies = new Answers();
  private volatile boolean taken;

  WatchedConnection(
      SocketChannel client,
      SocketChannel engine,
      ApiSpecification specification,
      Consumer<String> faults,
      AtomicLong answers) {
    this.client = client;
    this.engine = engine;
    this.specification = specification;
    this.faults = faults;
    this.answers = answers;
  }

  /// Carries both ways until both have ended.
  void run() {
    Thread back =
        Thread.ofPlatform()
            .daemon()
            .name("api-watch-engine")
            .start(() -> carry(engine, client, replies, false));
    carry(client, engine, questions, true);
    try {
      back.join();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } finally {
      close(client);
      close(engine);
    }
  }

  /// Until `from` ends or `to` takes no more. What comes the other way still arrives: an engine
  /// that refuses a body answers before it has read it.
  private void carry(SocketChannel from, SocketChannel to, HttpReading reading, boolean questions) {
    byte[] bytes = new byte[BUFFER];
    ByteBuffer buffer = ByteBuffer.wrap(bytes);
    for (int n = read(from, buffer); n >= 0; n = read(from, buffer)) {
      // a question must be known before its answer can come
      if (questions) {
        reading.read(bytes, n);
      }
      buffer.flip();
      if (!write(to, buffer)) {
        if (!questions) {
          close(engine); // the client has gone: the engine shall see it
        }
        return;
      }
      buffer.clear();
      if (!questions) {
        reading.read(bytes, n);
      }
    }
    try {
      to.shutdownOutput();
    } catch (IOException e) {
      return; // it has gone as well
    }
  }

  /// -1 at the end, be it a sudden one.
  private static int read(SocketChannel from, ByteBuffer buffer) {
    try {
      return from.read(buffer);
    } catch (IOException e) {
      return -1;
    }
  }

  private static boolean write(SocketChannel to, ByteBuffer buffer) {
    try {
      while (buffer.hasRemaining()) {
        int ignored = to.write(buffer);
      }
      return true;
    } catch (IOException e) {
      return false;
    }
  }

  static void close(SocketChannel channel) {
    try {
      channel.close();
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }

  private final class Questions extends HttpReading {
    @Override
    long head(String head) {
      if (taken) {
        return FOREIGN;
      }
      String[] words = head.split("\r?\n", 2)[0].split(" ");
      if (words.length != 3) {
        return FOREIGN;
      }
      asked.add(new Asked(words[0], words[1]));
      return length(head, 0);
    }

    @Override
    void body(byte[] bytes, int from, int count) {}

    @Override
    void end() {}
  }

  private final class Answers extends HttpReading {
    private final ByteArrayOutputStream line = new ByteArrayOutputStream();
    private Asked about = new Asked("", "");
    private int status;
    private boolean json;

    @Override
    long head(String head) {
      String[] words = head.split("\r?\n", 2)[0].split(" ", 3);
      if (words.length < 2 || !words[1].matches("[1-5][0-9]{2}")) {
        return FOREIGN;
      }
      status = Integer.parseInt(words[1]);
      if (status < 200 && status != 101) {
        return 0;
      }
      @Nullable Asked next = asked.poll();
      about = next == null ? new Asked("", "") : next;
      line.reset();
      String type = header(head, "Content-Type");
      json = type.startsWith("application/json") || type.startsWith("application/x-ndjson");
      if (about.method().isEmpty()) {
        return FOREIGN; // it answers what was no request
      }
      answers.incrementAndGet();
      boolean empty = about.method().equals("HEAD") || status == 204 || status == 304;
      long length = empty ? 0 : length(head, TO_THE_END);
      if (!json || length == 0) {
        found(null);
      }
      boolean foreign = status == 101 || length == TO_THE_END && type.contains("-stream");
      if (foreign) {
        taken = true;
        return FOREIGN;
      }
      return length;
    }

    @Override
    void body(byte[] bytes, int from, int count) {
      if (!json) {
        return;
      }
      for (int i = from; i < from + count; i++) {
        if (bytes[i] != '\n') {
          line.write(bytes[i]);
        } else {
          value();
        }
        if (line.size() > LONGEST) {
          json = false;
          return;
        }
      }
    }

    @Override
    void end() {
      value();
    }

    private void value() {
      String text = line.toString(StandardCharsets.UTF_8).replace("\u001e", "").strip();
      line.reset();
      if (json && !text.isEmpty()) {
        try {
          found(Json.parse(text));
        } catch (JsonException e) {
          faults.accept(about.method() + " " + about.target() + " " + status + " is no JSON");
        }
      }
    }

    private void found(@Nullable Json value) {
      specification.faults(about.method(), about.target(), status, value).forEach(faults);
    }
  }
}
