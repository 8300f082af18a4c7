package dev.gantry.integration;

import dev.gantry.testkit.Busybox;
import dev.gantry.testkit.Command;
import dev.gantry.testkit.Engine;
import dev.gantry.testkit.Needs;
import dev.gantry.testkit.Outcome;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/// Somebody who uses an engine and registries, with a configuration of their own.
///
/// @param config the folder of it (`DOCKER_CONFIG`), which is made if it is not there
record RegistryUser(Engine engine, Path config) {
  RegistryUser {
    try {
      Files.createDirectories(config);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /// The real Docker CLI, not yet run.
  Command command(String... words) {
    return engine.dockerCommand(words).with("DOCKER_CONFIG", config.toString());
  }

  /// The real Docker CLI, which must succeed.
  Outcome docker(String... words) {
    return command(words).run().succeeded();
  }

  /// Our own command line, not yet run.
  Command gantryCommand(String... words) {
    return engine.gantryCommand(words).with("DOCKER_CONFIG", config.toString());
  }

  /// Our own command line, which must succeed.
  Outcome gantry(String... words) {
    return gantryCommand(words).run().succeeded();
  }

  Outcome login(DebianRegistry registry, String password) {
    return command("login", "-u", DebianRegistry.USER, "--password-stdin", registry.host())
        .input(password)
        .run();
  }

  /// A busybox image that only this name has.
  String make(String name) {
    command("import", "-c", "LABEL name=" + name, "-", name).input(Busybox.tar()).run().succeeded();
    return name;
  }

  /// One for a platform, with that as the label `for`; it is pushed too.
  String push(String name, String platform) {
    command("import", "--platform", platform, "-c", "LABEL for=" + platform, "-", name)
        .input(Busybox.tar())
        .run()
        .succeeded();
    docker("push", "-q", name);
    return name;
  }

  /// What is pushed can be pulled; nothing of it is left here then.
  void comesBack(String name) {
    docker("push", "-q", name);
    docker("rmi", name);
    if (!docker("pull", "-q", name).line().equals(name)) {
      throw new AssertionError("the pull of " + name + " named something else");
    }
    docker("rmi", name);
  }

  /// Runs skopeo, which must succeed.
  static Outcome skopeo(String... words) {
    List<String> all =
        new ArrayList<>(List.of(Needs.peers().resolve("skopeo").toString(), "--insecure-policy"));
    all.addAll(List.of(words));
    return Command.of(all).run().succeeded();
  }
}
