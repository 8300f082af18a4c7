package dev.gantry.testkit;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;

/// A small image for tests: Debian's static busybox, a few users, a writable /tmp.
public final class Busybox {
  public static final String NAME = "busybox:latest";

  private Busybox() {}

  /// A root file system as an uncompressed tar archive.
  public static byte[] tar() {
    Path program = Needs.program("busybox");
    try {
      Path root = Files.createTempDirectory("busybox");
      try {
        lay(root, program);
        return Command.of(
                "tar",
                "--numeric-owner",
                "--owner=0",
                "--group=0",
                "-C",
                root.toString(),
                "-cf",
                "-",
                ".")
            .run()
            .succeeded()
            .bytes();
      } finally {
        Command.of("rm", "-rf", root.toString()).run();
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static void lay(Path root, Path program) throws IOException {
    Path bin = Files.createDirectories(root.resolve("bin"));
    Files.copy(program, bin.resolve("busybox"));
    for (String applet :
        Command.of(program.toString(), "--list").run().succeeded().out().lines().toList()) {
      if (!applet.equals("busybox")) {
        Files.createSymbolicLink(bin.resolve(applet), Path.of("busybox"));
      }
    }
    for (String folder : List.of("etc", "root", "home", "var", "usr", "tmp")) {
      Files.createDirectories(root.resolve(folder));
    }
    Files.setPosixFilePermissions(root, PosixFilePermissions.fromString("rwxr-xr-x"));
    Command.of("chmod", "1777", root.resolve("tmp").toString()).run().succeeded();
    Files.writeString(
        root.resolve("etc/passwd"),
        "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/home:/bin/false\n");
    Files.writeString(root.resolve("etc/group"), "root:x:0:\nmail:x:8:\nnogroup:x:65534:\n");
  }

  /// Imports it into an engine through the API.
  static String load(Engine engine) {
    Answer answer =
        engine.request(
            "POST",
            "/images/create?fromSrc=-&repo=busybox&tag=latest&changes=CMD%20%5B%22sh%22%5D",
            tar());
    answer.expect(200);
    return NAME;
  }
}
