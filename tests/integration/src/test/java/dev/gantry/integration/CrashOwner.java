package dev.gantry.integration;

import static dev.gantry.integration.Containers.PATIENCE;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gantry.json.Json;
import dev.gantry.testkit.Answer;
import dev.gantry.testkit.Engine;
import dev.gantry.testkit.Eventually;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.function.BooleanSupplier;
import java.util.stream.Collectors;

/// A container with its volumes and networks that one thread changes, a request of the API at a
/// time, and what the engine has confirmed of them. Where a kill of the engine cuts an answer off,
/// what was before is right afterwards and what was to become of it, and nothing else.
final class CrashOwner {
  /// The engine was killed before it had answered.
  static final class Cut extends Exception {
    private static final long serialVersionUID = 1;

    Cut(Throwable cause) {
      super(cause);
    }
  }

  private static final Map<String, String> NO_CONTAINER = Map.of("status", "none");
  private static final List<String> POLICIES =
      List.of("no", "unless-stopped", "always", "on-failure");
  private static final long MEMORY = 64 << 20;

  private final Engine engine;
  private final CrashEvents events;
  private final BooleanSupplier dying;
  private final Random random;
  private final String prefix;
  private int number;

  /// What has been confirmed, by name; and what else may be true since an answer was cut off.
  private Map<String, String> facts = NO_CONTAINER;

  private List<Map<String, String>> possible = List.of();
  private Map<String, String> spare = Map.of("network", "no", "volume", "no");
  private String pendingSpare = "";
  private String id = "";
  private CrashLife life = CrashLife.NONE;
  private boolean mayHaveEnded;

  CrashOwner(
      Engine engine, CrashEvents events, BooleanSupplier dying, Random random, String prefix) {
    this.engine = engine;
    this.events = events;
    this.dying = dying;
    this.random = random;
    this.prefix = prefix;
  }

  /// Makes what the container needs.
  void prepare() {
    for (String network : List.of("one", "two")) {
      engine.request("POST", "/networks/create", named(prefix + network)).expect(201);
    }
    engine.request("POST", "/volumes/create", named(prefix + "named")).expect(201);
  }

  private static String named(String name) {
    return Json.object().put("Name", name).toString();
  }

  // ---- changes

  /// One change, of those that are possible now.
  void change() throws Cut {
    switch (facts.getOrDefault("status", "")) {
      case "none" -> either(this::create, this::create, this::spareNetwork, this::spareVolume);
      case "created" -> either(this::start, this::start, this::update, this::rename, this::move);
      case "exited" -> either(this::start, this::start, this::policy, this::rename, this::remove);
      case "running" ->
          either(
              this::write,
              this::write,
              this::kill,
              this::restart,
              this::pause,
              this::update,
              this::policy,
              this::rename,
              this::move,
              this::move,
              this::remove);
      case "paused" -> either(this::unpause, this::unpause, this::update, this::rename);
      default -> throw new AssertionError("in no state that a test knows: " + facts);
    }
  }

  private interface Change {
    void make() throws Cut;
  }

  private void either(Change... changes) throws Cut {
    changes[random.nextInt(changes.length)].make();
  }

  private void create() throws Cut {
    String name = prefix + "c" + number++;
    String policy = POLICIES.get(random.nextInt(POLICIES.size()));
    Json.JsonObject body =
        Containers.body(engine, "echo run; exec sleep 1000000")
            .put("Volumes", Json.object().put("/anonymous", Json.object()))
            .put(
                "HostConfig",
                Json.object()
                    .put("NetworkMode", prefix + "one")
                    .put("Binds", Json.array().add(prefix + "named:/named"))
                    .put("Memory", MEMORY)
                    .put("RestartPolicy", Json.object().put("Name", policy)));
    Map<String, String> made = new TreeMap<>();
    made.put("name", name);
    made.put("status", "created");
    made.put("exit", "0");
    made.put("memory", Long.toString(MEMORY));
    made.put("policy", policy);
    made.put("networks", prefix + "one");
    made.put("token", read(volume(prefix + "named")) + "/");
    Answer answer = ask("POST", "/containers/create?name=" + name, body.toString(), 201, made);
    id = Json.parseObject(answer.text()).string("Id", "");
    confirm(made);
  }

  private void start() throws Cut {
    Map<String, String> after = with("status", "running", "exit", "0");
    ask("POST", path("/start"), "", 204, after);
    confirm(after);
    live();
  }

  private void kill() throws Cut {
    mayHaveEnded = true;
    Map<String, String> after = with("status", "exited", "exit", "137");
    ask("POST", path("/kill"), "", 204, after);
    confirm(after);
    life = CrashLife.NONE;
  }

  private void restart() throws Cut {
    mayHaveEnded = true;
    ask("POST", path("/restart?t=0"), "", 204, with("status", "exited", "exit", "137"), facts);
    confirm(facts);
    live();
  }

  private void pause() throws Cut {
    Map<String, String> after = with("status", "paused");
    ask("POST", path("/pause"), "", 204, after);
    confirm(after);
  }

  private void unpause() throws Cut {
    Map<String, String> after = with("status", "running");
    ask("POST", path("/unpause"), "", 204, after);
    confirm(after);
  }

  private void update() throws Cut {
    long memory = MEMORY + ((long) random.nextInt(1, 64) << 20);
    Map<String, String> after = with("memory", Long.toString(memory));
    Json.JsonObject body = Json.object().put("Memory", memory).put("MemorySwap", -1);
    ask("POST", path("/update"), body.toString(), 200, after);
    confirm(after);
  }

  private void policy() throws Cut {
    String policy = POLICIES.get(random.nextInt(POLICIES.size()));
    Map<String, String> after = with("policy", policy);
    Json.JsonObject body = Json.object().put("RestartPolicy", Json.object().put("Name", policy));
    ask("POST", path("/update"), body.toString(), 200, after);
    confirm(after);
  }

  private void rename() throws Cut {
    String name = prefix + "c" + number++;
    Map<String, String> after = with("name", name);
    ask("POST", path("/rename?name=" + name), "", 204, after);
    confirm(after);
  }

  /// On to the second network or off it.
  private void move() throws Cut {
    boolean on = facts.getOrDefault("networks", "").contains("two");
    String both = prefix + "one," + prefix + "two";
    Map<String, String> after = with("networks", on ? prefix + "one" : both);
    String path = "/networks/" + prefix + "two/" + (on ? "disconnect" : "connect");
    ask("POST", path, Json.object().put("Container", id).toString(), 200, after);
    confirm(after);
  }

  /// A word into each of its two volumes, one after the other.
  private void write() throws Cut {
    String word = "w" + number++;
    String old = facts.getOrDefault("token", "/");
    Map<String, String> after = with("token", word + "/" + word);
    Map<String, String> between = with("token", word + old.substring(old.indexOf('/')));
    String step = "echo %1$s >%2$s/new && mv %2$s/new %2$s/w";
    String script = step.formatted(word, "/named") + " && " + step.formatted(word, "/anonymous");
    Json.JsonObject body =
        Json.object()
            .put("Cmd", Json.array().add("sh").add("-c").add(script))
            .put("AttachStdout", true);
    Answer made = ask("POST", path("/exec"), body.toString(), 201, facts);
    String exec = Json.parseObject(made.text()).string("Id", "");
    ask("POST", "/exec/" + exec + "/start", "{\"Detach\":false}", 200, after, between);
    // the stream's end may be the engine's own
    String how = ask("GET", "/exec/" + exec + "/json", "", 200, after, between).text();
    assertEquals(0, Json.parseObject(how).number("ExitCode", -1), how);
    confirm(after);
  }

  private void remove() throws Cut {
    mayHaveEnded = true;
    Map<String, String> gone = new TreeMap<>(NO_CONTAINER);
    ask("DELETE", path("?force=1&v=1"), "", 204, gone, with("status", "exited", "exit", "137"));
    confirm(gone);
    id = "";
    life = CrashLife.NONE;
  }

  private void spareNetwork() throws Cut {
    spare("network", "/networks");
  }

  private void spareVolume() throws Cut {
    spare("volume", "/volumes");
  }

  private void spare(String kind, String path) throws Cut {
    pendingSpare = kind;
    boolean there = spare.getOrDefault(kind, "").equals("yes");
    if (there) {
      ask("DELETE", path + "/" + prefix + "spare", "", 204);
    } else {
      ask("POST", path + "/create", named(prefix + "spare"), 201);
    }
    pendingSpare = "";
    spare = new TreeMap<>(spare);
    spare.put(kind, there ? "no" : "yes");
  }

  private String path(String rest) {
    return "/containers/" + id + rest;
  }

  private Map<String, String> with(String... pairs) {
    Map<String, String> changed = new TreeMap<>(facts);
    for (int i = 0; i < pairs.length; i += 2) {
      changed.put(pairs[i], pairs[i + 1]);
    }
    return changed;
  }

  @SafeVarargs
  private Answer ask(
      String method, String path, String body, int expected, Map<String, String>... outcomes)
      throws Cut {
    possible = List.of(outcomes);
    try {
      Answer answer = engine.request(method, path, body);
      assertEquals(expected, answer.status(), () -> method + " " + path + ": " + answer.text());
      if (expected == 201) {
        Json ignored = Json.parse(answer.text());
      }
      return answer;
    } catch (RuntimeException | AssertionError e) {
      if (dying.getAsBoolean()) {
        throw new Cut(e);
      }
      throw e;
    }
  }

  private void confirm(Map<String, String> now) {
    facts = now;
    possible = List.of();
    mayHaveEnded = false;
  }

  /// Notes the process that runs now. The start was confirmed, so that a kill here changes nothing.
  private void live() throws Cut {
    life = CrashLife.NONE;
    try {
      life = CrashLife.of(Containers.state(engine, id).number("Pid", 0));
    } catch (RuntimeException | AssertionError e) {
      if (dying.getAsBoolean()) {
        throw new Cut(e);
      }
      throw e;
    }
  }

  // ---- what is seen

  /// After a restart: what is there is what was confirmed, or what the change that was cut off
  /// would have made of it.
  void assertAsConfirmed(int crash) {
    Eventually.within(
        PATIENCE,
        () -> "the work that was cut off comes to its end: " + look(),
        () -> id.isEmpty() || found().isEmpty() || isSettled(inspect()));
    List<Map<String, String>> right = new ArrayList<>(List.of(atEngineStart(facts)));
    possible.forEach(each -> right.add(atEngineStart(each)));
    right.addAll(possible); // an end that the next engine saw first was after its start
    Map<String, String> seen = look();
    assertTrue(right.contains(seen), () -> "after crash " + crash + "\n" + seen + ", of\n" + right);
    boolean same = !mayHaveEnded && life.isKnown();
    confirm(seen);
    if (seen.getOrDefault("status", "").equals("none")) {
      id = "";
      life = CrashLife.NONE;
    } else {
      assertRuns(inspect(), same);
      events.assertAgrees(id, inspect());
    }
    for (String kind : List.of("network", "volume")) {
      String there =
          engine.get("/" + kind + "s/" + prefix + "spare").status() == 200 ? "yes" : "no";
      assertTrue(
          there.equals(spare.get(kind)) || kind.equals(pendingSpare),
          () -> "spare " + kind + " after crash " + crash + ": " + there);
      spare = new TreeMap<>(spare);
      spare.put(kind, there);
    }
    pendingSpare = "";
  }

  /// That the user ended it counts for `unless-stopped` alone when the engine starts.
  private static Map<String, String> atEngineStart(Map<String, String> before) {
    boolean again =
        List.of("always", "on-failure").contains(before.getOrDefault("policy", ""))
            && before.getOrDefault("status", "").equals("exited");
    if (!again) {
      return before;
    }
    Map<String, String> after = new TreeMap<>(before);
    after.put("status", "running");
    after.put("exit", "0");
    return after;
  }

  private String found() {
    if (id.isEmpty() && !possible.isEmpty()) {
      // the answer to its creation was cut off
      String name = possible.getFirst().getOrDefault("name", "");
      Answer answer = engine.get("/containers/" + name + "/json");
      id = answer.status() == 200 ? Json.parseObject(answer.text()).string("Id", "") : "";
    }
    return !id.isEmpty() && engine.get(path("/json")).status() == 200 ? id : "";
  }

  private Json.JsonObject inspect() {
    return Containers.inspect(engine, id);
  }

  /// No exec is under way, and a process that has been killed is known to have ended.
  private boolean isSettled(Json.JsonObject container) {
    Json.JsonObject state = container.object("State").orElseThrow();
    boolean dead =
        state.string("Status", "").equals("running")
            && !CrashLife.of(state.number("Pid", 0)).isKnown();
    return container.items("ExecIDs").isEmpty() && !dead;
  }

  private Map<String, String> look() {
    if (found().isEmpty()) {
      return NO_CONTAINER;
    }
    Json.JsonObject container = inspect();
    Json.JsonObject state = container.object("State").orElseThrow();
    Json.JsonObject host = container.object("HostConfig").orElseThrow();
    Map<String, String> seen = new TreeMap<>();
    seen.put("name", container.string("Name", "").substring(1));
    seen.put("status", state.string("Status", ""));
    seen.put("exit", Long.toString(state.number("ExitCode", -1)));
    seen.put("memory", Long.toString(host.number("Memory", -1)));
    seen.put("policy", host.object("RestartPolicy").orElseThrow().string("Name", ""));
    seen.put("networks", networks(container).keySet().stream().collect(Collectors.joining(",")));
    seen.put(
        "token",
        container.objects("Mounts").stream()
            .sorted((a, b) -> b.string("Destination", "").compareTo(a.string("Destination", "")))
            .map(mount -> read(Path.of(mount.string("Source", ""))))
            .collect(Collectors.joining("/")));
    return seen;
  }

  private static Map<String, Json> networks(Json.JsonObject container) {
    return new TreeMap<>(
        container
            .object("NetworkSettings")
            .flatMap(n -> n.object("Networks"))
            .orElseThrow()
            .members());
  }

  private Path volume(String name) {
    return engine.folder().resolve("data/volumes").resolve(name).resolve("_data");
  }

  private static String read(Path volume) {
    try {
      return Files.readString(volume.resolve("w")).strip();
    } catch (IOException e) {
      return ""; // nothing was written yet
    }
  }

  /// Its process, limits and links are as the engine says.
  private void assertRuns(Json.JsonObject container, boolean same) {
    Json.JsonObject state = container.object("State").orElseThrow();
    boolean runs = state.bool("Running", false);
    networks(container)
        .forEach(
            (name, endpoint) ->
                assertEquals(
                    runs,
                    !((Json.JsonObject) endpoint).string("IPAddress", "").isEmpty(),
                    () -> "an address on " + name + ": " + endpoint));
    if (!runs) {
      life = CrashLife.NONE;
      return;
    }
    CrashLife now = CrashLife.of(state.number("Pid", 0));
    if (same) {
      assertEquals(life, now, () -> "its process is another: " + facts);
    }
    life = now;
    assertEquals(networks(container).size(), now.links(), () -> "links of " + facts);
    assertEquals(
        container.object("HostConfig").orElseThrow().number("Memory", 0),
        CrashLife.memoryLimit(engine.name(), id),
        () -> "memory limit of " + facts);
  }

  /// Takes everything away.
  void clean() {
    if (!found().isEmpty()) {
      engine.request("DELETE", path("?force=1&v=1"), "").expect(204);
      events.read();
      events.assertDestroyedOnce(id);
    }
    for (String network : List.of("one", "two", "spare")) {
      engine.request("DELETE", "/networks/" + prefix + network, "");
    }
    for (String volume : List.of("named", "spare")) {
      engine.request("DELETE", "/volumes/" + prefix + volume, "");
    }
  }
}
