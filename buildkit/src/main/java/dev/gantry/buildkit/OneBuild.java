package dev.gantry.buildkit;

import dev.gantry.base.Failure;
import dev.gantry.base.Ids;
import dev.gantry.build.BuildClient;
import dev.gantry.build.Cancellation;
import dev.gantry.grpc.GrpcException;
import dev.gantry.grpc.Message;
import java.io.IOException;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// One build between the client's `Control.Solve` and its answer: its progress, what the frontend
/// has planned, and what the client wants exported. Thread-safe.
final class OneBuild {
  private final SolveRequest request;
  private final Progress progress;
  private final Instant created = Instant.now();
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition changed = lock.newCondition();
  private final Cancellation cancellation = new Cancellation();

  /// Guarded by the lock.
  private final Map<String, Result> results = new LinkedHashMap<>();

  private boolean returned;
  private String wanted = "";
  private @Nullable GrpcException refused;
  private volatile @Nullable Instant completed;
  private volatile @Nullable GrpcException failure;
  private volatile Map<String, String> exported = Map.of();
  private volatile byte[] provenance = {};
  private final Queue<byte[]> secrets = new ConcurrentLinkedQueue<>();

  OneBuild(SolveRequest request) {
    this.request = request;
    this.progress = new Progress(request.ref());
  }

  SolveRequest request() {
    return request;
  }

  /// What the frontend was told.
  Options options() {
    return new Options(request.attributes());
  }

  /// Remembers how it was built (SLSA); see [History].
  void provenance(byte[] predicate) {
    provenance = predicate.clone();
  }

  /// Empty for a build that has failed.
  byte[] provenance() {
    return provenance.clone();
  }

  Progress progress() {
    return progress;
  }

  /// A secret that must not be in the record.
  void hide(byte[] secret) {
    secrets.add(secret);
  }

  /// `client`, whose secrets are known as this build's.
  BuildClient client(BuildClient client) {
    return noting(client, this::hide);
  }

  /// `client`, of whose secrets `noted` hears.
  static BuildClient noting(BuildClient client, Consumer<byte[]> noted) {
    return new BuildClient() {
      @Override
      public Optional<byte[]> secret(String id) throws IOException {
        Optional<byte[]> secret = client.secret(id);
        secret.ifPresent(noted);
        return secret;
      }

      @Override
      public Optional<Agent> agent(String id) throws IOException {
        return client.agent(id);
      }
    };
  }

  /// The secrets that its steps got.
  List<byte[]> secrets() {
    return List.copyOf(secrets);
  }

  Instant created() {
    return created;
  }

  Optional<Instant> completed() {
    return Optional.ofNullable(completed);
  }

  Optional<GrpcException> failure() {
    return Optional.ofNullable(failure);
  }

  Map<String, String> exported() {
    return exported;
  }

  static String newId() {
    return Ids.next().substring(0, 25);
  }

  // ---- what the gateway says

  void add(Result result) throws GrpcException {
    lock.lock();
    try {
      if (!cancellation.isCancelled()) {
        results.put(result.id(), result);
        return;
      }
    } finally {
      lock.unlock();
    }
    result.close();
    throw new GrpcException(GrpcException.CANCELLED, "context canceled");
  }

  Optional<Result> result(String id) {
    lock.lock();
    try {
      return Optional.ofNullable(results.get(id));
    } finally {
      lock.unlock();
    }
  }

  /// `LLBBridge.Return`: what of the results is the build's, or why there is none.
  void returned(Message message) throws GrpcException {
    Optional<Message> error = message.message(2);
    Message result = message.message(1).orElseGet(Message::new);
    String id = result.message(3).orElseGet(Message::new).text(1);
    if (id.isEmpty()) {
      id = result.text(1);
    }
    lock.lock();
    try {
      returned = true;
      wanted = id;
      if (error.isPresent()) {
        refused = GrpcException.of(error.get());
      }
      changed.signalAll();
    } finally {
      lock.unlock();
    }
  }

  /// Waits for [#returned].
  ///
  /// @return what shall be exported; empty for a build without a result
  Optional<Result> await() throws GrpcException {
    lock.lock();
    try {
      while (!returned && !cancellation.isCancelled()) {
        changed.await();
      }
      if (refused != null) {
        throw refused;
      }
      if (cancellation.isCancelled()) {
        throw new GrpcException(GrpcException.CANCELLED, "context canceled");
      }
      if (wanted.isEmpty()) {
        return Optional.empty();
      }
      Result result = results.get(wanted);
      if (result == null) {
        throw new GrpcException(GrpcException.UNKNOWN, "no such result: " + wanted);
      }
      return Optional.of(result);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new GrpcException(GrpcException.CANCELLED, "context canceled");
    } finally {
      lock.unlock();
    }
  }

  // ---- the end

  boolean isCancelled() {
    return cancellation.isCancelled();
  }

  /// For whoever waits for others on behalf of this build.
  Cancellation cancellation() {
    return cancellation;
  }

  /// The client has given it up: what runs for it is killed.
  void cancel() {
    Map<String, Result> all;
    lock.lock();
    try {
      cancellation.cancel();
      all = Map.copyOf(results);
      changed.signalAll();
    } finally {
      lock.unlock();
    }
    all.values().forEach(Result::cancel);
  }

  void ended(Map<String, String> response, @Nullable GrpcException why) {
    exported = Map.copyOf(response);
    failure = why;
    completed = Instant.now();
    progress.close();
  }

  /// Lets go of all that the results hold.
  void close() {
    Map<String, Result> all;
    lock.lock();
    try {
      all = Map.copyOf(results);
      results.clear();
    } finally {
      lock.unlock();
    }
    for (Result result : all.values()) {
      try {
        result.close();
      } catch (Failure e) {
        System.getLogger("gantryd").log(System.Logger.Level.WARNING, "could not tidy a build", e);
      }
    }
  }
}
