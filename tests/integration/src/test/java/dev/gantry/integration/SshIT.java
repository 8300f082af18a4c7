package dev.gantry.integration;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gantry.testkit.Command;
import dev.gantry.testkit.Engine;
import dev.gantry.testkit.EngineExtension;
import dev.gantry.testkit.Needs;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/// An engine reached through the program ssh and a real sshd, which runs without a port: ssh's
/// proxy command is the server. The other side's PATH has our command line under both names.
@ExtendWith(EngineExtension.class)
class SshIT {
  private static String path = "";

  @BeforeAll
  static void prepare(Engine engine) throws IOException {
    Path client = Needs.program("ssh");
    Path server = Needs.program("sshd");
    Needs.program("ssh-keygen");
    Path folder = Files.createDirectories(engine.folder().resolve("ssh"));
    Path here = Files.createDirectories(folder.resolve("here"));
    Path there = Files.createDirectories(folder.resolve("there"));
    Files.createDirectories(Path.of("/run/sshd"));
    for (String key : new String[] {"host", "user"}) {
      Command.of("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder + "/" + key)
          .run()
          .succeeded();
    }
    Files.writeString(
        folder.resolve("sshd_config"),
        """
        HostKey %1$s/host
        AuthorizedKeysFile %1$s/user.pub
        PermitRootLogin yes
        StrictModes no
        UsePAM no
        PidFile none
        SetEnv PATH=%2$s:/usr/bin:/bin DOCKER_HOST=unix://%3$s
        """
            .formatted(folder, there, engine.socket()));
    Files.writeString(
        folder.resolve("ssh_config"),
        """
        Host there
          ProxyCommand %1$s -i -f %2$s/sshd_config
          IdentityFile %2$s/user
          IdentitiesOnly yes
          UserKnownHostsFile %2$s/known
          StrictHostKeyChecking no
          LogLevel ERROR
        """
            .formatted(server, folder));
    program(here.resolve("ssh"), "exec " + client + " -F " + folder + "/ssh_config \"$@\"");
    Path dist = Needs.distribution().toAbsolutePath();
    for (String name : new String[] {"gantry", "docker"}) {
      program(
          there.resolve(name), "exec " + dist + "/jdk/bin/java @" + dist + "/lib/cli.args \"$@\"");
    }
    path = here + ":" + System.getenv("PATH");
  }

  private static void program(Path file, String line) throws IOException {
    Files.writeString(file, "#!/bin/sh\n" + line + "\n");
    Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rwxr-xr-x"));
  }

  private static Command over(Command command) {
    return command.with("PATH", path).within(Duration.ofMinutes(2));
  }

  @Test
  void ourCommandLineWorksThroughIt(Engine engine) {
    String image = engine.busybox();
    assertEquals(
        "both ways\n",
        over(engine.gantryCommand("-H", "ssh://root@there", "run", "--rm", "-i", image, "cat"))
            .input("both ways\n")
            .run()
            .succeeded()
            .out());
    Path config = engine.folder().resolve("client");
    over(engine.gantryCommand(
            "--config",
            config.toString(),
            "context",
            "create",
            "far",
            "--docker",
            "host=ssh://root@there" + engine.socket()))
        .run()
        .succeeded();
    assertTrue(
        over(engine.gantryCommand("--config", config.toString(), "--context", "far", "images"))
            .run()
            .succeeded()
            .out()
            .contains("busybox"));
    String failed =
        over(engine.gantryCommand("-H", "ssh://root@there/no/such.sock", "ps"))
            .run()
            .exited(1)
            .err();
    assertTrue(failed.contains("/no/such.sock"), failed);
  }

  @Test
  void dockersCommandLineWorksThroughOurSide(Engine engine) {
    String image = engine.busybox();
    assertEquals(
        "both ways\n",
        over(engine.dockerCommand("-H", "ssh://root@there", "run", "--rm", "-i", image, "cat"))
            .input("both ways\n")
            .run()
            .succeeded()
            .out());
  }
}
