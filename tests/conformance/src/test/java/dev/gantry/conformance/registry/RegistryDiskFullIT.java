package dev.gantry.conformance.registry;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gantry.conformance.registry.Distribution.Answer;
import dev.gantry.conformance.registry.Distribution.Image;
import dev.gantry.testkit.Command;
import dev.gantry.testkit.Eventually;
import dev.gantry.testkit.Needs;
import dev.gantry.testkit.RegistryServer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.Test;

/// A registry whose disk is full says so, shows nothing half, and works again when there is room.
class RegistryDiskFullIT {
  @Test
  void saysItAndGoesOn() throws IOException {
    Needs.root();
    Needs.distribution();
    Path folder = RegistryServer.folder();
    Path data = Files.createDirectories(folder.resolve("data"));
    Command.of("mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", data.toString()).run().succeeded();
    try (RegistryServer server = RegistryServer.gantry(folder);
        Distribution client = new Distribution(server.address())) {
      Image image = client.pushImage("a", "1");
      byte[] large = Distribution.bytes(5_000_000);
      String digest = Distribution.digest(large);
      Answer full = client.put(Distribution.with(client.begin("a"), "digest=" + digest), large);
      assertEquals(507, full.status(), full.text());
      assertTrue(full.text().contains("disk is full"), full.text());
      client.get("/v2/a/blobs/" + digest).expect(404);
      assertArrayEquals(image.manifest(), client.fetch("a", "1").expect(200).bytes());
      try (var uploads = Files.list(data.resolve("uploads"))) {
        assertEquals(0, uploads.count(), "the upload keeps bytes that nobody can finish");
      }
      byte[] small = Distribution.bytes(1_000_000);
      Eventually.within(
          Duration.ofSeconds(60),
          "there is room again",
          () ->
              client
                      .put(
                          Distribution.with(
                              client.begin("a"), "digest=" + Distribution.digest(small)),
                          small)
                      .status()
                  == 201);
    } finally {
      Command.of("umount", "-l", data.toString()).run();
      Command.of("rm", "-rf", folder.toString()).run();
    }
  }
}
