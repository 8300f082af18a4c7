package dev.gantry.integration;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gantry.testkit.Command;
import dev.gantry.testkit.Engine;
import dev.gantry.testkit.Eventually;
import dev.gantry.testkit.Needs;
import dev.gantry.testkit.Outcome;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// What a service manager is told (sd_notify(3)): that the engine is ready, lives, reads its
/// settings again, and stops.
class ServiceManagerIT {
  private static final String RECEIVER =
      """
      import socket, sys
      s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
      s.bind(sys.argv[1])
      while True: print(s.recv(4096).decode().replace("\\n", " "), flush=True)
      """;

  @TempDir Path folder;

  @Test
  void isToldEachStep() throws Exception {
    Needs.root();
    Path socket = folder.resolve("notify");
    Path told = folder.resolve("told");
    Process receiver =
        new ProcessBuilder(Needs.program("python3").toString(), "-c", RECEIVER, socket.toString())
            .redirectErrorStream(true)
            .redirectOutput(told.toFile())
            .start();
    try {
      Eventually.within(Containers.PATIENCE, "it receives", () -> Files.exists(socket));
      Path settings = folder.resolve("daemon.json");
      Files.writeString(settings, "{}");
      List<String> environment = List.of("env", "NOTIFY_SOCKET=" + socket, "WATCHDOG_USEC=200000");
      long pid;
      try (Engine engine = Engine.startThrough(environment, "--config-file", settings.toString())) {
        pid = engine.pid();
        awaitTold(told, 1, "READY=1 MAINPID=" + pid + " STATUS=listening on unix://");
        awaitTold(told, 3, "WATCHDOG=1");
        Files.writeString(settings, "{\"nosuch\": 1}");
        Command.of("kill", "-HUP", Long.toString(pid)).run().succeeded();
        awaitTold(told, 1, "RELOADING=1 MONOTONIC_USEC=");
        awaitTold(told, 2, "READY=1");
        assertEquals(0, count(told, "STOPPING=1"));
      }
      awaitTold(told, 1, "STOPPING=1");
      List<String> steps = lines(told).stream().filter(l -> !l.equals("WATCHDOG=1")).toList();
      assertEquals(
          List.of("READY", "RELOADING", "READY", "STOPPING"),
          steps.stream().map(line -> line.replaceFirst("=.*", "")).toList());
      String time = steps.get(1).replaceFirst(".*USEC=", "");
      long uptime =
          (long)
              (Double.parseDouble(Files.readString(Path.of("/proc/uptime")).split(" ")[0]) * 1e6);
      assertTrue(Long.parseLong(time) > 0 && Long.parseLong(time) <= uptime, time);
    } finally {
      receiver.destroyForcibly().waitFor();
    }
  }

  /// With the units of `tools/systemd`, in a machine of its own: started by the first client, told
  /// of each step, and containers outlive each end.
  @Test
  void isAServiceOfSystemd() {
    Outcome outcome = VirtualMachine.run("service.sh");
    assertTrue(outcome.out().contains("ok took it up again"), outcome.toString());
    outcome.succeeded();
  }

  private static void awaitTold(Path told, int times, String beginning) {
    Eventually.within(
        Containers.PATIENCE,
        () -> times + " times " + beginning + ": " + lines(told),
        () -> count(told, beginning) >= times);
  }

  private static long count(Path told, String beginning) {
    return lines(told).stream().filter(line -> line.startsWith(beginning)).count();
  }

  private static List<String> lines(Path told) {
    try {
      return Files.readAllLines(told);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
