package dev.gantry.build;

import dev.gantry.base.Failure;
import dev.gantry.base.Ids;
import dev.gantry.dockerfile.Heredoc;
import dev.gantry.dockerfile.Instruction;
import dev.gantry.dockerfile.ParseFailure;
import dev.gantry.dockerfile.Quoted;
import dev.gantry.dockerfile.RunMount;
import dev.gantry.engine.Attach;
import dev.gantry.engine.Container;
import dev.gantry.engine.ContainerSpec;
import dev.gantry.engine.Engine;
import dev.gantry.engine.LayerFiles;
import dev.gantry.json.Json;
import dev.gantry.kernel.Tree;
import dev.gantry.oci.Platform;
import java.io.IOException;
import java.io.OutputStream;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/// RUN: a container on the stage's layers; what it has changed is the new layer.
final class RunStep {
  private static final String HOST_NAME = "buildkitsandbox";

  private final StageBuild stage;
  private final Instruction.Run instruction;
  private final BuildProgress.Step step;
  private final Engine engine;
  private final List<String> argv = new ArrayList<>();
  private String script = "";
  private List<String> devices = List.of();

  RunStep(StageBuild stage, Instruction.Run instruction, BuildProgress.Step step) {
    this.stage = stage;
    this.instruction = instruction;
    this.step = step;
    this.engine = stage.run().builder().engine();
  }

  void run() throws BuildFailure, ParseFailure, IOException, InterruptedException {
    understand();
    if (isInsecure()) { // nor from the cache, if it is not allowed
      stage.run().needs("security.insecure", instruction.origin());
    }
    if (!instruction.devices().isEmpty()) {
      List<String> wanted = new ArrayList<>();
      for (String text : instruction.devices()) {
        wanted.add(stage.expansion().word(text));
      }
      devices = new RunDevices(stage, instruction.origin()).names(wanted);
    }
    List<RunMount> mounts = new ArrayList<>();
    for (String text : instruction.mounts()) {
      mounts.add(RunMount.parse(stage.expansion().word(text)));
    }
    try (RunMounts mounted = new RunMounts(stage, mounts, instruction.origin())) {
      List<String> ingredients = new ArrayList<>(List.of("run"));
      ingredients.addAll(argv);
      ingredients.add(script);
      stage.variables().forEach((k, v) -> ingredients.add("env " + k + "=" + v));
      ingredients.add("user " + stage.config().user());
      ingredients.add("in " + stage.config().workdir());
      ingredients.add("network " + network() + " " + instruction.security());
      if (!hostName().equals(HOST_NAME)) {
        ingredients.add("host name " + hostName());
      }
      devices.forEach(d -> ingredients.add("device " + d));
      ingredients.addAll(mounted.ingredients());
      stage.addLayer(
          new Recipe(ingredients, stage.date(), false, isTold()),
          text(),
          step,
          out -> container(mounted, out),
          Optional.empty());
    }
  }

  /// Whether the text in the history is all that there is to know.
  private boolean isTold() {
    return instruction.mounts().isEmpty()
        && instruction.devices().isEmpty()
        && instruction.network().isEmpty()
        && instruction.security().isEmpty();
  }

  private boolean isInsecure() {
    return instruction.security().equals("insecure");
  }

  /// The program, and the script of a heredoc that is the whole command.
  private void understand() {
    Instruction.Program program = instruction.program();
    if (!program.shell()) {
      argv.addAll(program.words());
      return;
    }
    List<Heredoc> documents = instruction.origin().heredocs();
    String command = program.words().isEmpty() ? "" : program.words().getFirst();
    if (documents.size() == 1 && command.matches("\\d*<<-?\\S+")) {
      command = documents.getFirst().text();
      if (command.startsWith("#!")) {
        script = command;
        command = "/dev/pipes/" + documents.getFirst().name();
      }
    } else {
      StringBuilder whole = new StringBuilder(command);
      for (Heredoc document : documents) {
        whole.append('\n').append(document.content()).append(document.name());
      }
      command = whole.toString();
    }
    argv.addAll(stage.shell());
    argv.add(command);
  }

  private String text() {
    Set<String> declared = stage.declared();
    StringBuilder text = new StringBuilder("RUN ");
    if (!declared.isEmpty()) {
      text.append('|').append(declared.size());
      Map<String, String> values = stage.variables();
      declared.forEach(
          name -> text.append(' ').append(name).append('=').append(values.getOrDefault(name, "")));
      text.append(' ');
    }
    return text.append(String.join(" ", argv)).append(" # buildkit").toString();
  }

  private String network() throws BuildFailure, ParseFailure {
    String wanted =
        instruction.network().isEmpty()
            ? stage.run().request().host().string("NetworkMode", "default")
            : instruction.network();
    if (!List.of("default", "none", "host", "bridge").contains(wanted)
        && !instruction.network().isEmpty()) {
      throw instruction.origin().failure("unsupported network mode \"" + wanted + "\"");
    }
    if (instruction.network().equals("host")) {
      stage.run().needs("network.host", instruction.origin());
    }
    return wanted.isEmpty() ? "default" : wanted;
  }

  private String hostName() {
    String wanted = stage.run().request().arguments().getOrDefault(BuildRequest.HOST_NAME, "");
    return wanted.isEmpty() ? HOST_NAME : wanted;
  }

  // ---- the container

  private Json.JsonObject body(RunMounts mounted) throws BuildFailure, ParseFailure, IOException {
    Json.JsonArray environment = Json.array();
    stage.variables().forEach((k, v) -> environment.add(k + "=" + v));
    if (!stage.variables().containsKey("SOURCE_DATE_EPOCH") && stage.limit() != Long.MAX_VALUE) {
      environment.add("SOURCE_DATE_EPOCH=" + stage.date()); // compilers and packers know it
    }
    Json.JsonObject host = (Json.JsonObject) stage.run().request().host().copy();
    Json.JsonArray mounts = mounted.mounts();
    if (!script.isEmpty()) {
      mounts.add(
          Json.object()
              .put("Type", "bind")
              .put("Source", mounted.file(script, 0755).toString())
              .put("Target", argv.getLast())
              .put("ReadOnly", true));
    }
    host.put("Mounts", mounts)
        .put("NetworkMode", network())
        .put("LogConfig", Json.object().put("Type", "none"));
    if (isInsecure()) {
      host.put("Privileged", true);
    }
    if (!devices.isEmpty()) {
      host.put("DeviceRequests", RunDevices.requests(devices));
    }
    return Json.object()
        .put("Cmd", Json.strings(argv))
        .put("Env", environment)
        .put("User", stage.config().user())
        .put("WorkingDir", stage.config().workdir())
        .put("Hostname", hostName())
        .put("Labels", Json.object().put(Builder.LABEL, "step"))
        .put("HostConfig", host);
  }

  /// Says why before a program fails that no kernel here can run.
  private void checkMachine() throws BuildFailure, IOException {
    Platform here = Platform.here();
    if (stage.platform().architecture().equals(here.architecture()) || argv.isEmpty()) {
      return;
    }
    try (Tree tree = stage.files()) {
      String program = LayerFiles.resolve(tree, stage.config().resolve(argv.getFirst()));
      Optional<String> foreign = new ForeignPrograms().cannotRun(tree, program);
      if (foreign.isPresent()) {
        throw new BuildFailure(
            "RUN needs "
                + argv.getFirst()
                + " of the image, a program for "
                + foreign.get()
                + ", and this machine ("
                + here
                + ") has no emulator for it: register one (binfmt_misc, as Debian's qemu-user-static"
                + " does), or run the step on FROM --platform=$BUILDPLATFORM",
            instruction.origin());
      }
    }
  }

  private void container(RunMounts mounted, OutputStream layer)
      throws BuildFailure, IOException, InterruptedException {
    checkMachine();
    Json.JsonArray layers = Json.array();
    stage.diffIds().forEach(d -> layers.add(d.toString()));
    ContainerSpec spec;
    try {
      spec = stage.run().builder().spec(body(mounted));
    } catch (ParseFailure e) {
      throw BuildRun.at(e, instruction.origin());
    }
    Container container =
        engine.create(
            spec.with(r -> r.put("layers", layers)),
            Optional.of("build-" + Ids.next().substring(0, 12)));
    String id = container.id();
    stage.run().ran(id);
    try (Attach.Session session = engine.attach().attach(container)) {
      step.running(id);
      Map<String, String> unwritten = new LinkedHashMap<>(stage.proxies()); // with passwords
      unwritten.putAll(mounted.environment());
      engine.start(
          id, unwritten.entrySet().stream().map(e -> e.getKey() + "=" + e.getValue()).toList());
      session.copyOutput(step::output);
      int code = container.awaitEnd(false).exitCode();
      stage.run().check();
      if (code != 0) {
        throw new BuildFailure(
            "The command '" + String.join(" ", argv) + "' returned a non-zero code: " + code,
            code,
            instruction.origin());
      }
      engine.layerFiles().pack(id, layer, stage.limit(), mounted.stubs());
    } catch (Failure e) {
      stage.run().check();
      throw new BuildFailure(
          "process "
              + Quoted.of(String.join(" ", argv))
              + " did not complete successfully: "
              + e.text(),
          instruction.origin());
    } finally {
      stage.run().removed(id);
    }
  }
}
