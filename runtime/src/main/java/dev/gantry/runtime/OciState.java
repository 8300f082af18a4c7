package dev.gantry.runtime;

import dev.gantry.base.Failure;
import dev.gantry.json.Json;
import dev.gantry.json.JsonRecords;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// What the OCI command line remembers of a container, in `state.json` of its folder
/// (runtime.md#state, with what we need ourselves).
///
/// @param startTime of the process, in clock ticks after boot: tells it from a later one that got
///   the same pid
/// @param steps texts of the plan's steps, to explain what fails at the start
public record OciState(
    String ociVersion,
    String id,
    int pid,
    String bundle,
    String rootfs,
    String created,
    long startTime,
    String cgroup,
    List<String> steps,
    Map<String, String> annotations) {
  static final String FILE = "state.json";
  static final String CONFIGURATION = "config.json";

  /// The life of a container, in the specification's words; `paused` is common beside them.
  public enum Status {
    CREATED,
    RUNNING,
    PAUSED,
    STOPPED;

    @Override
    public String toString() {
      return name().toLowerCase(java.util.Locale.ROOT);
    }
  }

  static OciState read(Path folder) {
    try {
      return JsonRecords.read(
          Json.parseObject(Files.readString(folder.resolve(FILE))), OciState.class);
    } catch (IOException e) {
      throw missing(folder, e);
    }
  }

  static Failure missing(Path folder, IOException cause) {
    return new Failure.NotFound("container does not exist: " + folder.getFileName(), null, cause);
  }

  void save(Path folder) throws IOException {
    Path draft = folder.resolve(FILE + ".new");
    Files.writeString(draft, JsonRecords.write(this).text());
    Files.move(draft, folder.resolve(FILE), StandardCopyOption.ATOMIC_MOVE);
  }

  /// The document that `state` prints and hooks read.
  Json.JsonObject document(String status) {
    Json.JsonObject document =
        Json.object().put("ociVersion", ociVersion).put("id", id).put("status", status);
    if (!status.equals("stopped")) {
      document.put("pid", pid);
    } else {
      document.put("pid", 0);
    }
    document.put("bundle", bundle).put("rootfs", rootfs).put("created", created);
    if (!annotations.isEmpty()) {
      Json.JsonObject notes = Json.object();
      annotations.forEach(notes::put);
      document.put("annotations", notes);
    }
    return document;
  }

  /// True while the first process lives; one that nobody has collected yet is dead.
  boolean isAlive() {
    return startTimeOf(pid).filter(t -> t == startTime).isPresent();
  }

  /// When the process started; empty if it is gone or a zombie.
  static Optional<Long> startTimeOf(int pid) {
    try {
      String stat = Files.readString(Path.of("/proc/" + pid + "/stat"));
      // the second field is the name in parentheses and may hold anything
      String[] fields = stat.substring(stat.lastIndexOf(')') + 2).split(" ");
      return fields[0].equals("Z") || fields[0].equals("X")
          ? Optional.empty()
          : Optional.of(Long.valueOf(fields[19]));
    } catch (IOException e) {
      return Optional.empty();
    }
  }
}
