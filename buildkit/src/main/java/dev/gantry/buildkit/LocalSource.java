package dev.gantry.buildkit;

import dev.gantry.base.Failure;
import dev.gantry.build.KeptContexts;
import dev.gantry.build.Source;
import dev.gantry.grpc.GrpcException;
import dev.gantry.kernel.Errno;
import dev.gantry.kernel.Tree;
import java.io.IOException;
import java.util.Optional;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/// A folder that is brought here when the first instruction needs it.
final class LocalSource implements Source, AutoCloseable {
  /// Brings it.
  @FunctionalInterface
  interface Fetch {
    KeptContexts.Held fetch() throws GrpcException, IOException;
  }

  private final Fetch fetch;
  private final Runnable abandon;
  private volatile boolean abandoned;
  private final ReentrantLock once = new ReentrantLock();
  private KeptContexts.@Nullable Held held;
  private @Nullable String failure;

  /// @param abandon ends a fetch that goes on, on another thread
  LocalSource(Fetch fetch, Runnable abandon) {
    this.fetch = fetch;
    this.abandon = abandon;
  }

  @Override
  public void abandon() {
    abandoned = true;
    abandon.run();
  }

  private KeptContexts.Held held() {
    once.lock();
    try {
      if (failure != null) {
        throw new Failure.Unavailable(failure);
      }
      if (abandoned) {
        throw new Failure.Cancelled("the build was cancelled");
      }
      if (held == null) {
        held = fetch.fetch();
      }
      return held;
    } catch (GrpcException e) {
      failure = e.text();
      throw new Failure.Unavailable(e.text());
    } catch (IOException e) {
      failure = String.valueOf(e.getMessage());
      throw new Failure.Unavailable(failure);
    } finally {
      once.unlock();
    }
  }

  @Override
  public Tree open() throws Errno {
    return Tree.open(held().folder().toString());
  }

  @Override
  public Optional<String> identity() {
    return held().identity();
  }

  @Override
  public Mountable mountable() {
    return new Mountable.Folder(held().folder());
  }

  @Override
  public String failure(String path) {
    String clean = path.startsWith("/") ? path : "/" + path;
    return "failed to compute cache key: failed to calculate checksum of ref gantry: \""
        + clean
        + "\": not found";
  }

  @Override
  public void close() {
    once.lock();
    try {
      if (held != null) {
        held.close();
        held = null;
      }
      failure = "the build is over";
    } finally {
      once.unlock();
    }
  }
}
