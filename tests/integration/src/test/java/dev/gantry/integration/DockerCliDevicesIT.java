package dev.gantry.integration;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gantry.testkit.Engine;
import dev.gantry.testkit.Outcome;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Devices by their vendors' names, with made-up vendors.
class DockerCliDevicesIT {
  private static final String SHOW =
      "echo $MADE $WHOSE; cat /vendor/file; echo lost >/dev/made && ls -l /dev/made | cut -c1;"
          + " cat /hooked; id -G";

  @TempDir Path folder;

  @Test
  void containersGetWhatVendorsDescribe() throws IOException {
    Files.writeString(folder.resolve("file"), "of the vendor\n");
    Path hook = folder.resolve("hook");
    Files.writeString(hook, "#!/bin/sh\necho \"$1\" >" + folder.resolve("hooked") + "\n");
    assertTrue(hook.toFile().setExecutable(true));
    Files.writeString(folder.resolve("hooked"), "");
    Files.writeString(
        folder.resolve("vendor.yaml"),
        """
        cdiVersion: 0.6.0
        kind: vendor.com/class
        containerEdits:
          env:
          - MADE=up
        devices:
        - name: first
          containerEdits:
            env:
            - WHOSE=mine
            deviceNodes:
            - path: /dev/made
              hostPath: /dev/null
            mounts:
            - hostPath: FOLDER/file
              containerPath: /vendor/file
              options:
              - ro
            - hostPath: FOLDER/hooked
              containerPath: /hooked
            hooks:
            - hookName: createRuntime
              path: FOLDER/hook
              args:
              - hook
              - called
            additionalGids:
            - 4242
        """
            .replace("FOLDER", folder.toString()));
    Files.writeString(
        folder.resolve("gpu.json"),
        """
        {"cdiVersion": "0.5.0", "kind": "vendor.com/gpu", "devices": [
          {"name": "0", "containerEdits": {"env": ["ZERO=yes"]}},
          {"name": "1", "containerEdits": {"env": ["FIRST=yes"]}},
          {"name": "all", "containerEdits": {"env": ["ALL=yes"]}}]}
        """);
    try (Engine engine = Engine.start("--cdi-spec-dir", folder.toString())) {
      String image = engine.busybox();
      String device = "vendor.com/class=first";
      String expected = "up mine\nof the vendor\nc\ncalled\n0 4242\n";
      Outcome run = engine.docker("run", "--rm", "--device", device, image, "sh", "-c", SHOW);
      assertEquals(expected, run.succeeded().out());
      run = engine.gantry("run", "--rm", "--device", device, image, "sh", "-c", SHOW);
      assertEquals(expected, run.succeeded().out());

      assertEquals("FIRST= ZERO=yes ALL=", graphics(engine, "1"));
      assertEquals("FIRST=yes ZERO=yes ALL=", graphics(engine, "2"));
      assertEquals("FIRST= ZERO= ALL=yes", graphics(engine, "all"));
      assertEquals("FIRST=yes ZERO= ALL=", graphics(engine, "device=1"));
      Outcome few = engine.docker("run", "--rm", "--gpus", "3", image, "true").exited(125);
      assertTrue(few.err().contains("3 devices of vendor.com/gpu are asked for, 2 are"), few.err());
      Outcome unknown =
          engine.docker("run", "--rm", "--device", "vendor.com/class=x", image, "true").exited(125);
      assertTrue(
          unknown.err().contains("unresolvable CDI devices vendor.com/class=x"), unknown.err());
      assertEquals(
          "[" + folder + "]",
          engine.docker("info", "--format", "{{.CDISpecDirs}}").succeeded().line());
      assertTrue(engine.json("/info").text().contains("\"ID\":\"vendor.com/gpu=all\""));
    }
  }

  private static String graphics(Engine engine, String wanted) {
    return engine
        .docker(
            "run",
            "--rm",
            "--gpus",
            wanted,
            engine.busybox(),
            "sh",
            "-c",
            "echo FIRST=$FIRST ZERO=$ZERO ALL=$ALL")
        .succeeded()
        .line();
  }
}
