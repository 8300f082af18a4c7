package dev.gantry.cli;

import dev.gantry.client.ApiError;
import dev.gantry.client.EngineClient;
import dev.gantry.client.Hijacked;
import dev.gantry.client.Query;
import dev.gantry.json.Json;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;

/// `attach`, `start -a` and the attached part of `run`.
final class Attaches {
  /// Which streams are joined and how.
  ///
  /// @param keys `--detach-keys`, or empty
  record Wish(
      boolean tty,
      boolean stdin,
      boolean stdout,
      boolean stderr,
      boolean logs,
      boolean signals,
      String keys) {}

  private Attaches() {}

  static int attach(Session session, Words words) throws Exception {
    Json.JsonObject container = Containers.inspect(session, words.argument(0));
    Json.JsonObject state = container.object("State").orElse(Json.object());
    if (!state.bool("Running", false)) {
      throw new Exit(1, "You cannot attach to a stopped container, start it first");
    }
    if (state.bool("Paused", false)) {
      throw new Exit(1, "You cannot attach to a paused container, unpause it first");
    }
    if (state.bool("Restarting", false)) {
      throw new Exit(1, "You cannot attach to a restarting container, wait until it is running");
    }
    boolean tty = Containers.tty(container);
    boolean stdin = open(container) && !words.on("no-stdin");
    requireTerminal(tty, stdin);
    Wish wish =
        new Wish(
            tty,
            stdin,
            true,
            true,
            false,
            !tty && words.on("sig-proxy", true),
            words.text("detach-keys", ""));
    return run(session, container.string("Id", ""), wish, "not-running", () -> {})
        .orElseThrow(Attaches::detached);
  }

  /// What `attach` and `exec` end with when the keys were typed; `run` and `start` just end with 0.
  static Exit detached() {
    return new Exit(1, "read escape sequence");
  }

  static int start(Session session, Words words) throws Exception {
    if (words.arguments().size() > 1) {
      throw new Exit(1, "you cannot start and attach multiple containers at once");
    }
    String name = words.argument(0);
    Json.JsonObject container = Containers.inspect(session, name);
    String id = container.string("Id", "");
    boolean tty = Containers.tty(container);
    boolean stdin = words.on("interactive") && open(container);
    requireTerminal(tty, stdin);
    boolean removed =
        container.object("HostConfig").map(h -> h.bool("AutoRemove", false)).orElse(false);
    Wish wish = new Wish(tty, stdin, true, true, false, !tty, words.text("detach-keys", ""));
    boolean runs = container.object("State").map(s -> s.bool("Running", false)).orElse(false);
    return run(
            session,
            id,
            wish,
            removed ? "removed" : runs ? "not-running" : "next-exit",
            () -> session.engine().post(Query.of("/containers/{}/start", id), null))
        .orElse(0);
  }

  private static boolean open(Json.JsonObject container) {
    return container.object("Config").map(c -> c.bool("OpenStdin", false)).orElse(false);
  }

  static void requireTerminal(boolean tty, boolean stdin) {
    if (tty && stdin && !Streams.inputIsTerminal()) {
      throw new Exit(1, "the input device is not a TTY");
    }
  }

  /// Joins the streams, starts it, copies until it ends and gives its exit code; empty if the user
  /// has detached.
  ///
  /// @param until the condition of the wait
  static Optional<Integer> run(Session session, String id, Wish wish, String until, Runnable start)
      throws Exception {
    EngineClient engine = session.engine();
    Query attach =
        Query.of("/containers/{}/attach", id)
            .with("stream", true)
            .with("stdin", wish.stdin())
            .with("stdout", wish.stdout())
            .with("stderr", wish.stderr())
            .with("logs", wish.logs())
            .withText("detachKeys", wish.keys());
    // the wait must be in place before the start: a short program would end unseen
    try (Hijacked connection = hijack(engine, attach);
        InputStream waiting =
            engine.open(
                "POST", Query.of("/containers/{}/wait", id).with("condition", until), null)) {
      CompletableFuture<Json.JsonObject> exit = new CompletableFuture<>();
      // a platform thread: the poller of virtual ones would hold up the end by 300 ms
      Thread.ofPlatform().daemon().name("wait").start(() -> complete(exit, waiting));
      Streams streams = new Streams(session, wish.tty(), wish.stdin(), wish.keys());
      Runnable begin =
          () -> {
            Optional<Thread> signals =
                wish.signals() ? Optional.of(SignalProxy.start(engine, id)) : Optional.empty();
            start.run();
            signals.ifPresent(Attaches::await);
          };
      if (streams.copy(connection, "/containers/" + id + "/resize", begin)) {
        return Optional.empty();
      }
      return Optional.of(status(session, exit));
    }
  }

  private static void await(Thread thread) {
    try {
      thread.join();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private static Hijacked hijack(EngineClient engine, Query attach) {
    try {
      return engine.hijack(attach, null);
    } catch (ApiError e) {
      if (e.status() == 400) {
        throw new Exit(1, "unable to upgrade to tcp, received 400: " + e.text());
      }
      throw e;
    }
  }

  private static void complete(CompletableFuture<Json.JsonObject> exit, InputStream in) {
    try {
      exit.complete(Json.parseObject(new String(in.readAllBytes(), StandardCharsets.UTF_8)));
    } catch (IOException | RuntimeException e) {
      exit.completeExceptionally(e);
    }
  }

  private static int status(Session session, CompletableFuture<Json.JsonObject> exit)
      throws InterruptedException {
    try {
      Json.JsonObject answer = exit.get();
      answer.object("Error").flatMap(e -> e.string("Message")).ifPresent(session.err()::println);
      return (int) answer.number("StatusCode", 125);
    } catch (ExecutionException e) {
      session.err().println("error waiting for container: " + e.getCause());
      return 125;
    }
  }
}
