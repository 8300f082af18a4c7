package dev.gantry.engine;

import dev.gantry.base.Failure;
import dev.gantry.base.Ids;
import dev.gantry.images.FreeSpace;
import dev.gantry.images.TarWriter;
import dev.gantry.kernel.Errno;
import dev.gantry.kernel.Tree;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.PipedInputStream;
import java.io.PipedOutputStream;
import java.nio.file.Path;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicReference;

/// Copies of volumes: into other volumes, and out of the engine and in as archives. Owners, modes,
/// times, links and attributes are kept, those of the volume's own folder too; sockets are left
/// out.
public final class VolumeCopies {
  private static final int PIPE = 256 * 1024;

  private final Engine engine;

  VolumeCopies(Engine engine) {
    this.engine = engine;
  }

  /// A volume that keeps what `source` holds at one moment: containers that use `source` are paused
  /// while it is copied, unless `pause` is false. Containers get a snapshot read-only.
  ///
  /// @param to its name; empty for that of `source` with the time
  public Volumes.Volume snapshot(String source, String to, boolean pause) {
    String name =
        to.isEmpty()
            ? source
                + "-"
                + Instant.now().truncatedTo(ChronoUnit.SECONDS).toString().replaceAll("[-:]", "")
            : to;
    return copy(source, name, source, pause);
  }

  /// An ordinary volume with what `source` holds.
  public Volumes.Volume clone(String source, String to, boolean pause) {
    return copy(source, to, null, pause);
  }

  private Volumes.Volume copy(
      String source,
      String to,
      @org.jspecify.annotations.Nullable String snapshotOf,
      boolean pause) {
    Map<String, String> labels = require(source).labels();
    Volumes.Volume made;
    try (Opened opened = open(source, pause)) {
      made =
          engine.volumes().filled(to, labels, snapshotOf, data -> unpack(opened, data.toString()));
    }
    published(made);
    return made;
  }

  private static void unpack(Opened from, String data) throws IOException {
    AtomicReference<IOException> failed = new AtomicReference<>();
    PipedInputStream in = new PipedInputStream(PIPE);
    PipedOutputStream pipe = new PipedOutputStream(in);
    Thread packing =
        Thread.ofVirtual()
            .name("copy-volume")
            .start(
                () -> {
                  try (OutputStream out = pipe) {
                    from.pack(out);
                  } catch (IOException e) {
                    failed.set(e);
                  }
                });
    try {
      unpack(in, data);
    } finally {
      in.close(); // if we have failed, who packs shall not wait for us
      join(packing);
    }
    IOException why = failed.get();
    if (why != null) {
      throw why;
    }
  }

  private static void join(Thread thread) {
    try {
      thread.join();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new Failure.Cancelled("interrupted while copying a volume");
    }
  }

  private static void unpack(InputStream archive, String data) throws IOException {
    try (Tree tree = Tree.open(data)) {
      new TarUnpack(tree, "/", false, Optional.empty())
          .withFolder()
          .unpack(archive, new FreeSpace(Path.of(data), "the archive"));
    }
  }

  /// A new volume with the content of an archive, packed or not; names that lead out are refused.
  public Volumes.Volume load(String name, InputStream archive) {
    Volumes.Volume made =
        engine.volumes().filled(name, Map.of(), null, data -> unpack(archive, data.toString()));
    published(made);
    return made;
  }

  private void published(Volumes.Volume made) {
    engine.publishEvent("volume", "create", made.name(), Map.of("driver", "local"));
  }

  private Volumes.Volume require(String name) {
    return engine
        .volumes()
        .find(name)
        .orElseThrow(() -> new Failure.NotFound("get " + name + ": no such volume"));
  }

  /// A volume held open, so that it can be packed as an archive.
  public Opened open(String name, boolean pause) {
    Volumes.Volume volume = require(name);
    String user = "copy-" + Ids.next();
    engine.volumes().enter(volume, user);
    List<String> paused = new ArrayList<>();
    try {
      if (pause) {
        pauseUsers(name, paused);
      }
      return new Opened(volume, user, Tree.open(volume.mountpoint().toString()), paused);
    } catch (Errno | Failure e) {
      goOn(paused);
      engine.volumes().leave(volume, user);
      throw e instanceof Failure failure
          ? failure
          : new Failure.Internal("could not open the volume " + name + ": " + e.getMessage(), e);
    }
  }

  private void pauseUsers(String volume, List<String> paused) {
    for (Container c : engine.list()) {
      if (engine.uses(c, volume) && c.state() instanceof ContainerState.Running) {
        try {
          engine.pause(c.id());
          paused.add(c.id());
        } catch (Failure.Conflict e) {
          continue; // it has ended, or somebody else has paused it
        }
      }
    }
  }

  private void goOn(List<String> paused) {
    for (String id : paused) {
      try {
        engine.unpause(id);
      } catch (Failure.Conflict | Failure.NotFound e) {
        continue; // somebody was faster
      }
    }
  }

  /// See [#open].
  public final class Opened implements AutoCloseable {
    private final Volumes.Volume volume;
    private final String user;
    private final Tree tree;
    private final List<String> paused;

    private Opened(Volumes.Volume volume, String user, Tree tree, List<String> paused) {
      this.volume = volume;
      this.user = user;
      this.tree = tree;
      this.paused = paused;
    }

    /// Writes the archive; its first entry is the folder itself.
    public void pack(OutputStream out) throws IOException {
      OutputStream buffered = new BufferedOutputStream(out, 64 * 1024);
      try (TarWriter tar = new TarWriter(buffered)) {
        TarPack pack = new TarPack(tree, tar, p -> false);
        Optional<Tree.Status> folder = tree.status("/.");
        if (folder.isPresent()) {
          pack.one("/.", "./", folder.get());
        }
        pack.children("/", "./");
      }
      buffered.flush();
    }

    @Override
    public void close() {
      tree.close();
      goOn(paused);
      engine.volumes().leave(volume, user);
    }
  }
}
