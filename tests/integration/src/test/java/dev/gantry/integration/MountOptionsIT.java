package dev.gantry.integration;

import static dev.gantry.integration.Containers.inspect;
import static dev.gantry.integration.Containers.once;
import static dev.gantry.integration.Containers.out;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gantry.testkit.Command;
import dev.gantry.testkit.Engine;
import dev.gantry.testkit.EngineExtension;
import dev.gantry.testkit.Outcome;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;

/// What `--mount`, `--volumes-from`, `--storage-opt` and the options of volumes can say, by the
/// real Docker CLI.
@ExtendWith(EngineExtension.class)
@Timeout(300)
class MountOptionsIT {
  @AfterEach
  void removeAll(Engine engine) {
    Containers.removeAllWithVolumes(engine);
  }

  private static void volume(Engine engine, String name, String... options) {
    List<String> words = new ArrayList<>(List.of("volume", "create"));
    for (String option : options) {
      words.addAll(List.of("-o", option));
    }
    words.add(name);
    engine.docker(words.toArray(String[]::new)).succeeded();
  }

  /// A folder of the machine with a tmpfs in it, which is there until it is closed.
  private record Tree(Path folder) implements AutoCloseable {
    static Tree at(Path folder) throws IOException {
      Files.createDirectories(folder.resolve("inner"));
      // a mount point of its own, so that it has a peer group of its own
      Command.of(List.of("mount", "--bind", folder.toString(), folder.toString()))
          .run()
          .succeeded();
      Command.of(List.of("mount", "--make-shared", folder.toString())).run().succeeded();
      Command.of(List.of("mount", "-t", "tmpfs", "in", folder.resolve("inner").toString()))
          .run()
          .succeeded();
      return new Tree(folder);
    }

    boolean hasMount(String name) throws IOException {
      return Files.readString(Path.of("/proc/self/mountinfo"))
          .contains(" " + folder.resolve(name) + " ");
    }

    @Override
    public void close() {
      Command.of(List.of("umount", "-R", "-l", folder.toString())).run().succeeded();
    }
  }

  private static String bind(Tree tree, String more) {
    return "type=bind,source=" + tree.folder() + ",target=/t" + more;
  }

  @Test
  void bindsTakeInnerMountsAlongAsTheyAreTold(Engine engine) throws IOException {
    try (Tree tree = Tree.at(engine.folder().resolve("tree"))) {
      String look = "grep -c ' /t/inner ' /proc/self/mountinfo; touch /t/a; touch /t/inner/b";
      assertEquals("1", once(engine, look, "--mount", bind(tree, "")).out().strip());
      assertTrue(Files.exists(tree.folder().resolve("inner/b")), "the inner mount is written to");
      assertEquals(
          "0", once(engine, look, "--mount", bind(tree, ",bind-recursive=disabled")).out().strip());
      // read-only to its depth, or only itself
      Outcome depth = once(engine, look, "--mount", bind(tree, ",readonly"));
      assertEquals(
          2, depth.err().lines().filter(l -> l.contains("Read-only")).count(), depth.err());
      Outcome shallow =
          once(engine, look, "--mount", bind(tree, ",readonly,bind-recursive=writable"));
      assertEquals(
          1, shallow.err().lines().filter(l -> l.contains("Read-only")).count(), shallow.err());
      Outcome strict =
          once(
              engine,
              look,
              "--mount",
              bind(tree, ",readonly,bind-recursive=readonly,bind-propagation=rprivate"));
      assertEquals(
          2, strict.err().lines().filter(l -> l.contains("Read-only")).count(), strict.err());
    }
  }

  @Test
  void mountsPropagateAsTheyAreTold(Engine engine) throws IOException {
    try (Tree tree = Tree.at(engine.folder().resolve("peers"))) {
      Files.createDirectories(tree.folder().resolve("made"));
      String mount = "mount -t tmpfs new /t/made && grep ' /t ' /proc/self/mountinfo";
      for (String kind : List.of("rprivate", "rslave", "rshared", "shared", "slave", "private")) {
        boolean there = kind.endsWith("shared");
        String line =
            out(
                engine,
                mount,
                "--cap-add",
                "SYS_ADMIN",
                "--security-opt",
                "apparmor=unconfined",
                "--mount",
                bind(tree, ",bind-propagation=" + kind));
        assertEquals(there, tree.hasMount("made"), kind + " shows the machine what is mounted");
        assertEquals(there, line.contains(" shared:"), line);
        assertEquals(kind.endsWith("slave"), line.contains(" master:"), line);
        if (there) {
          Command.of(List.of("umount", tree.folder().resolve("made").toString())).run().succeeded();
        }
      }
      engine
          .docker("create", "--name", "told", "-v", tree.folder() + ":/t:ro,rslave", "busybox")
          .succeeded();
      assertEquals(
          "false rslave ro,rslave",
          inspect(engine, "told", "{{range .Mounts}}{{.RW}} {{.Propagation}} {{.Mode}}{{end}}"));
    }
    String wrong =
        engine
            .docker(
                "create",
                "--mount",
                "type=bind,src=/tmp,dst=/t,bind-propagation=sideways",
                "busybox")
            .exited(1)
            .err();
    assertTrue(
        wrong.contains(
            "invalid mount config for type \"bind\": invalid propagation mode: sideways"),
        wrong);
  }

  /// No server is asked: what the kernel is told, and what it answers, is in the text.
  @Test
  void networkFileSystemsGetAddressesAndKeepTheirPasswords(Engine engine) {
    volume(
        engine,
        "share",
        "type=nfs",
        "o=addr=localhost,ro,soft,timeo=1,retrans=1",
        "device=:/exports");
    Outcome nfs = once(engine, "true", "-v", "share:/v").exited(125);
    assertTrue(nfs.err().contains("failed to mount local volume: mount :/exports:"), nfs.err());
    assertTrue(
        nfs.err().contains(", flags: 0x1, data: addr=127.0.0.1,soft,timeo=1,retrans=1: "),
        nfs.err());
    volume(engine, "lost", "type=nfs", "o=addr=nowhere.invalid,rw", "device=:/exports");
    Outcome lost = once(engine, "true", "-v", "lost:/v").exited(125);
    assertTrue(lost.err().contains("error resolving passed in network volume address"), lost.err());
    volume(
        engine, "files", "type=cifs", "o=username=u,password=secret", "device=//localhost/share");
    Outcome cifs = once(engine, "true", "-v", "files:/v").exited(125);
    assertTrue(cifs.err().contains("mount //127.0.0.1/share:"), cifs.err());
    assertTrue(
        cifs.err().contains("password=********") && !cifs.err().contains("secret"), cifs.err());
    // a volume that could not be mounted is no trouble afterwards
    engine.docker("volume", "rm", "share", "lost", "files").succeeded();
  }

  @Test
  void mountOfAVolumeMayBringItsDriversOptions(Engine engine) {
    assertEquals(
        "tmpfs 1",
        out(
            engine,
            "echo $(stat -f -c %T /v) $(($(df -k /v | tail -1 | awk '{print $2}')/1024))",
            "--mount",
            "type=volume,src=quick,dst=/v,volume-driver=local,volume-opt=type=tmpfs,"
                + "volume-opt=device=tmpfs,volume-opt=o=size=1m"));
    assertEquals(
        "map[device:tmpfs o:size=1m type:tmpfs]",
        engine.docker("volume", "inspect", "-f", "{{.Options}}", "quick").succeeded().line());
    Outcome driver =
        once(engine, "true", "--mount", "type=volume,src=x,dst=/v,volume-driver=elsewhere");
    assertTrue(driver.err().contains("plugin \"elsewhere\" not found"), driver.err());
  }

  @Test
  void volumesFromTakeTheirModeWithThem(Engine engine) throws IOException {
    Path bound = Files.createDirectories(engine.folder().resolve("bound"));
    engine
        .docker(
            "create",
            "--name",
            "owner",
            "-v",
            "data:/data",
            "-v",
            "fixed:/fixed:ro",
            "-v",
            bound + ":/bound",
            "--mount",
            "type=tmpfs,dst=/own",
            engine.busybox(),
            "true")
        .succeeded();
    String tries =
        "for d in data fixed bound; do touch /$d/x 2>/dev/null && echo $d; done; ls -d /own";
    assertEquals(
        "data\nbound",
        once(engine, tries, "--volumes-from", "owner").out().strip(),
        "as it has them");
    assertEquals("", once(engine, tries, "--volumes-from", "owner:ro").out().strip());
    assertEquals(
        "data\nbound",
        once(engine, tries, "--volumes-from", "owner:rw").out().strip(),
        "rw opens nothing that is closed");
    assertTrue(
        once(engine, "true", "--volumes-from", "owner:sometimes")
            .err()
            .contains("invalid mode: sometimes"));
    // what is asked for itself comes before what others have
    assertEquals(
        "tmpfs",
        out(
            engine,
            "stat -f -c %T /data",
            "--volumes-from",
            "owner",
            "--mount",
            "type=tmpfs,dst=/data"));
  }

  /// As Docker says it wherever a file system counts nothing by folder.
  @Test
  void sizesOfLayersAndVolumesAreRefusedWhereNothingLimitsThem(Engine engine) {
    assertTrue(
        once(engine, "true", "--storage-opt", "size=1g")
            .exited(125)
            .err()
            .contains(
                "--storage-opt is supported only for overlay over xfs with 'pquota' mount option"));
    assertTrue(
        once(engine, "true", "--storage-opt", "colour=red")
            .exited(125)
            .err()
            .contains("Unknown option colour"));
    assertTrue(
        engine
            .docker("volume", "create", "-o", "size=1g", "small")
            .exited(1)
            .err()
            .contains("quota size requested but no quota support"));
  }

  @Test
  void usersOfOneVolumeMayComeAndGoTogether(Engine engine) throws Exception {
    volume(engine, "busy", "type=tmpfs", "device=tmpfs");
    List<Thread> users = new ArrayList<>();
    List<Outcome> outcomes = java.util.Collections.synchronizedList(new ArrayList<>());
    for (int i = 0; i < 4; i++) {
      users.add(
          Thread.ofVirtual()
              .start(
                  () -> {
                    for (int n = 0; n < 3; n++) {
                      outcomes.add(once(engine, "stat -f -c %T /v; touch /v/x", "-v", "busy:/v"));
                    }
                  }));
    }
    for (Thread user : users) {
      user.join();
    }
    outcomes.forEach(outcome -> assertEquals("tmpfs", outcome.succeeded().line()));
    engine.docker("volume", "rm", "busy").succeeded();
  }
}
