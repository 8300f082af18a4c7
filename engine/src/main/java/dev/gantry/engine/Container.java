package dev.gantry.engine;

import dev.gantry.base.Failure;
import dev.gantry.engine.logs.LogFile;
import dev.gantry.engine.logs.LogFormat;
import dev.gantry.engine.logs.LogOptions;
import dev.gantry.engine.shipping.LogDrivers;
import dev.gantry.engine.shipping.LogShipper;
import dev.gantry.json.Json;
import dev.gantry.json.JsonRecords;
import dev.gantry.network.Attachment;
import dev.gantry.runtime.RunningProcess;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/// A container: what it shall be, where it is in its life, and what belongs to its present run.
///
/// `verbs` is held by the verb that changes the container; `this` guards the fields and the
/// waiters. Lock order: verbs, then this.
public final class Container {
  final ReentrantLock verbs = new ReentrantLock();
  final ConcurrentMap<String, Exec> execs = new ConcurrentHashMap<>();

  private final String id;
  private final Instant created;
  private final Path folder;
  private ContainerSpec spec;

  /// [#spec] as it is written down; null until it is, as each run writes it several times.
  private Json.@Nullable JsonObject specRecord;

  private String name;
  private ContainerState state;
  private @Nullable RunningProcess process;
  private @Nullable Output output;
  private @Nullable LogFile log;
  private @Nullable Attachment attachment;
  private List<String> anonymousVolumes;
  private final List<Listener> waiting = new java.util.ArrayList<>();
  private int restartCount;
  private long backoffMillis;
  private int plannedCount;
  private long plannedMillis;
  private boolean stoppedByUser;
  private boolean announceStop;
  private boolean staying;
  private long ends;
  private Ended last = new Ended(0, "");
  private Sent sent = Sent.NOTHING;
  private @Nullable Death death;
  private @Nullable ContainerSpec startedSpec;
  private Map<String, String> goodFacts = Map.of();
  private @Nullable Health health;
  private @Nullable HealthMonitor monitor;
  private @Nullable LogShipper shipper;

  /// The last signal that went to the first process through the engine, and in whose name.
  record Sent(int signal, String by) {
    static final Sent NOTHING = new Sent(0, "");
  }

  Container(
      String id,
      String name,
      Instant created,
      ContainerSpec spec,
      ContainerState state,
      Path folder,
      List<String> anonymousVolumes) {
    this.id = id;
    this.name = name;
    this.created = created;
    this.spec = spec;
    this.state = state;
    this.folder = folder;
    this.anonymousVolumes = List.copyOf(anonymousVolumes);
  }

  public String id() {
    return id;
  }

  /// The name without a slash.
  public synchronized String name() {
    return name;
  }

  public Instant created() {
    return created;
  }

  public synchronized ContainerSpec spec() {
    return spec;
  }

  public synchronized ContainerState state() {
    return state;
  }

  public synchronized int restartCount() {
    return restartCount;
  }

  /// The container's own files on the host: hosts, hostname, resolv.conf, logs.
  public Path folder() {
    return folder;
  }

  public Path logFile() {
    return folder.resolve(logFormat() == LogFormat.JSON ? id + "-json.log" : "container.log");
  }

  /// Addresses and ports of the present run.
  public synchronized Optional<Attachment> attachment() {
    return Optional.ofNullable(attachment);
  }

  /// Ids of the execs whose processes run.
  public List<String> runningExecIds() {
    return execs.values().stream().filter(Exec::isRunning).map(Exec::id).toList();
  }

  /// Names of the volumes that were made for it alone, in the order of its mounts.
  public synchronized List<String> anonymousVolumes() {
    return anonymousVolumes;
  }

  synchronized void anonymousVolumes(List<String> names) {
    anonymousVolumes = List.copyOf(names);
  }

  synchronized Optional<RunningProcess> process() {
    return Optional.ofNullable(process);
  }

  synchronized Optional<Output> output() {
    return Optional.ofNullable(output);
  }

  synchronized LogFile log() {
    LogFile open = log;
    if (open == null) {
      open = LogFile.open(logFile(), logFormat(), logOptions());
      log = open;
    }
    return open;
  }

  private LogFormat logFormat() {
    return spec.logging().driver().equals("json-file") ? LogFormat.JSON : LogFormat.COMPACT;
  }

  private LogOptions logOptions() {
    try {
      ContainerSpec.Logging logging = spec.logging();
      return LogDrivers.ships(logging.driver())
          ? LogOptions.cache(logging.options())
          : LogOptions.parse(logging.options());
    } catch (Failure.InvalidRequest e) {
      // Docker too finds a bad value only here
      throw new Failure.Internal("failed to initialize logging driver: " + e.text(), e);
    }
  }

  /// Lets the log go by its new options.
  synchronized void relog() {
    if (log != null) {
      log.change(logOptions());
    }
  }

  synchronized void closeLog() {
    if (log != null) {
      log.close();
      log = null;
    }
  }

  synchronized void rename(String newName) {
    name = newName;
  }

  synchronized void update(ContainerSpec newSpec) {
    spec = newSpec;
    specRecord = null;
  }

  synchronized void attached(@Nullable Attachment newAttachment) {
    attachment = newAttachment;
  }

  synchronized void stopping(boolean byUser) {
    stoppedByUser = byUser;
  }

  synchronized boolean isStoppedByUser() {
    return stoppedByUser;
  }

  /// Says what a restart will be once the state tells of it.
  synchronized void planRestart(int count, long waitMillis) {
    plannedCount = count;
    plannedMillis = waitMillis;
  }

  /// Sets how often it was restarted, and after what wait the last time.
  synchronized void countRestart(int count, long waitMillis) {
    restartCount = count;
    backoffMillis = waitMillis;
  }

  /// How long the last restart was put off.
  synchronized long backoffMillis() {
    return backoffMillis;
  }

  /// Waits before a restart; false if it was called off or another start came first.
  synchronized boolean awaitRestart(ContainerState.Restarting since, long millis)
      throws InterruptedException {
    long end = System.nanoTime() + millis * 1_000_000L;
    for (long left = millis; state == since && left > 0; ) {
      wait(left);
      left = (end - System.nanoTime() + 999_999) / 1_000_000L;
    }
    return state == since;
  }

  /// The end that comes was asked for by a stop, which is announced with it.
  synchronized void announceStop() {
    announceStop = true;
  }

  synchronized boolean takeStopAnnouncement() {
    boolean announced = announceStop;
    announceStop = false;
    return announced;
  }

  /// Whether the end that comes is part of a restart, so that `--rm` does not apply.
  synchronized void staying(boolean stays) {
    staying = stays;
  }

  synchronized boolean isStaying() {
    return staying;
  }

  synchronized void sent(int signal, String by) {
    sent = new Sent(signal, by);
  }

  synchronized Sent takeSent() {
    Sent last = sent;
    sent = Sent.NOTHING;
    return last;
  }

  /// What the present or last run was started with.
  synchronized ContainerSpec startedSpec() {
    return startedSpec == null ? spec : startedSpec;
  }

  /// What the last run that went well depended on; empty if there was none.
  synchronized Map<String, String> goodFacts() {
    return goodFacts;
  }

  synchronized void goodFacts(Map<String, String> facts) {
    goodFacts = Map.copyOf(facts);
  }

  synchronized void died(Death newDeath) {
    death = newDeath;
  }

  /// How the last run ended; empty before the first end.
  public synchronized Optional<Death> death() {
    return Optional.ofNullable(death);
  }

  /// What the health check has found; empty without a check or before the first start.
  public synchronized Optional<Health> health() {
    return Optional.ofNullable(health);
  }

  synchronized void health(@Nullable Health newHealth) {
    health = newHealth;
  }

  /// Exchanges the monitor of the health check and returns the one before.
  synchronized @Nullable HealthMonitor monitor(@Nullable HealthMonitor newMonitor) {
    HealthMonitor before = monitor;
    monitor = newMonitor;
    return before;
  }

  /// Exchanges what sends the log on and returns the one before.
  synchronized @Nullable LogShipper shipper(@Nullable LogShipper newShipper) {
    LogShipper before = shipper;
    shipper = newShipper;
    return before;
  }

  /// Changes the state and wakes everybody who waits for it.
  synchronized void become(ContainerState next) {
    switch (next) {
      case ContainerState.Exited e -> last = new Ended(e.exitCode(), e.error());
      case ContainerState.Restarting r -> {
        last = new Ended(r.exitCode(), "");
        restartCount = plannedCount;
        backoffMillis = plannedMillis;
      }
      case ContainerState.Created c -> last = new Ended(c.exitCode(), c.error());
      default -> {}
    }
    if (!(next instanceof ContainerState.Live)) {
      ends++;
    }
    state = next;
    notifyAll();
    if (log != null) {
      log.wake();
    }
  }

  synchronized void run(RunningProcess newProcess, Output newOutput) {
    process = newProcess;
    output = newOutput;
    startedSpec = spec;
  }

  /// Listens to the present run or, if there is none, to the next one.
  synchronized Listener listen() {
    if (output != null) {
      return output.listen();
    }
    Listener listener = new Listener();
    listener.whenClosed(() -> forget(listener));
    waiting.add(listener);
    return listener;
  }

  private synchronized void forget(Listener listener) {
    waiting.remove(listener);
  }

  /// Those who wait for the start, which is now.
  synchronized List<Listener> takeWaiting() {
    List<Listener> now = List.copyOf(waiting);
    waiting.clear();
    return now;
  }

  synchronized void ranOut() {
    process = null;
    output = null;
  }

  /// The process of a container that must be running.
  RunningProcess requireProcess() {
    return process().orElseThrow(() -> new Failure.Conflict("container " + id + " is not running"));
  }

  /// How a container ended, for those who wait.
  public record Ended(int exitCode, String error) {}

  /// Waits for the next end of a run, a restart's too; without `next` an end that has been will do,
  /// if nothing runs. What has been removed does not run again.
  public synchronized Ended awaitEnd(boolean next) throws InterruptedException {
    boolean live =
        state instanceof ContainerState.Live || state instanceof ContainerState.Restarting;
    long seen = ends;
    while ((live || next) && ends == seen && !(state instanceof ContainerState.Dead)) {
      wait();
    }
    return last;
  }

  /// Waits until the container has been removed.
  public synchronized Ended awaitRemoval() throws InterruptedException {
    while (!(state instanceof ContainerState.Dead dead && dead.error().isEmpty())) {
      wait();
    }
    return last;
  }

  /// Waits until the container's removal has begun, or for `nanos`; true if it has.
  public synchronized boolean awaitGone(long nanos) throws InterruptedException {
    long end = System.nanoTime() + nanos;
    for (long left = nanos; !isGone() && left > 0; left = end - System.nanoTime()) {
      wait(left / 1_000_000L + 1);
    }
    return isGone();
  }

  private boolean isGone() {
    return state instanceof ContainerState.Removing || state instanceof ContainerState.Dead;
  }

  // ---- as a record of the journal

  Json.JsonObject record() {
    return record(state());
  }

  /// The record as it will be in state `shown`.
  synchronized Json.JsonObject record(ContainerState shown) {
    boolean restarts = shown instanceof ContainerState.Restarting && shown != state;
    Json.JsonObject json =
        Json.object()
            .put("Name", name)
            .put("Created", created.toString())
            .put("RestartCount", restarts ? plannedCount : restartCount)
            .put("BackoffMillis", restarts ? plannedMillis : backoffMillis)
            .put("StoppedByUser", stoppedByUser)
            .put("AnonymousVolumes", Json.strings(anonymousVolumes))
            .put("State", stateRecord(shown))
            .put("Spec", specRecord());
    if (health != null) {
      json.put("Health", health.record());
    }
    if (death != null) {
      json.put("Death", JsonRecords.write(death));
    }
    if (sent.signal() != 0) {
      json.put("Sent", Json.object().put("Signal", sent.signal()).put("By", sent.by()));
    }
    if (!goodFacts.isEmpty()) {
      json.put("Good", Json.strings(goodFacts));
    }
    if (attachment != null) {
      json.put("Attachment", JsonRecords.write(attachment));
    }
    return json;
  }

  private synchronized Json.JsonObject specRecord() {
    Json.JsonObject record = specRecord;
    if (record == null) {
      record = JsonRecords.write(spec);
      specRecord = record;
    }
    return record;
  }

  private static Json.JsonObject stateRecord(ContainerState shown) {
    Json.JsonObject json = Json.object().put("Is", shown.word());
    switch (shown) {
      case ContainerState.Created c -> json.put("ExitCode", c.exitCode()).put("Error", c.error());
      case ContainerState.Live l ->
          json.put("Pid", l.pid()).put("StartedAt", l.startedAt().toString());
      case ContainerState.Restarting r ->
          json.put("ExitCode", r.exitCode())
              .put("StartedAt", r.startedAt().toString())
              .put("FinishedAt", r.finishedAt().toString());
      case ContainerState.Exited e ->
          json.put("ExitCode", e.exitCode())
              .put("StartedAt", e.startedAt().toString())
              .put("FinishedAt", e.finishedAt().toString())
              .put("OomKilled", e.oomKilled())
              .put("Error", e.error());
      case ContainerState.Removing r -> json.put("ExitCode", r.exitCode());
      case ContainerState.Dead d -> json.put("Error", d.error());
    }
    return json;
  }

  static Container read(String id, Json.JsonObject json, Path folder) {
    Json.JsonObject s = json.object("State").orElseGet(Json::object);
    Instant started = instant(s.string("StartedAt", ""));
    Instant finished = instant(s.string("FinishedAt", ""));
    int code = (int) s.number("ExitCode", 0);
    String error = s.string("Error", "");
    ContainerState state =
        switch (s.string("Is", "dead")) {
          case "created" -> new ContainerState.Created(code, error);
          case "running" -> new ContainerState.Running((int) s.number("Pid", 0), started);
          case "paused" -> new ContainerState.Paused((int) s.number("Pid", 0), started);
          case "restarting" -> new ContainerState.Restarting(code, started, finished);
          case "exited" ->
              new ContainerState.Exited(code, started, finished, s.bool("OomKilled", false), error);
          case "removing" -> new ContainerState.Removing(started, finished, code);
          default -> new ContainerState.Dead(error);
        };
    Container c =
        new Container(
            id,
            json.string("Name", id),
            instant(json.string("Created", "")),
            JsonRecords.read(json.object("Spec").orElseGet(Json::object), ContainerSpec.class),
            state,
            folder,
            json.strings("AnonymousVolumes"));
    c.become(state);
    c.restartCount = (int) json.number("RestartCount", 0);
    c.backoffMillis = json.number("BackoffMillis", 0);
    c.stoppedByUser = json.bool("StoppedByUser", false);
    json.object("Health").ifPresent(h -> c.health = Health.read(h));
    json.object("Death").ifPresent(d -> c.death = JsonRecords.read(d, Death.class));
    json.object("Sent")
        .ifPresent(by -> c.sent = new Sent((int) by.number("Signal", 0), by.string("By", "")));
    c.goodFacts = json.stringMap("Good");
    json.object("Attachment").ifPresent(a -> c.attachment = JsonRecords.read(a, Attachment.class));
    return c;
  }

  private static Instant instant(String text) {
    return text.isEmpty() ? Instant.EPOCH : Instant.parse(text);
  }

  /// The attributes that events about this container carry.
  Map<String, String> attributes() {
    ContainerSpec s = spec();
    Map<String, String> attributes = new TreeMap<>(s.labels());
    attributes.put("image", s.image());
    attributes.put("name", name());
    return attributes;
  }
}
