package dev.gantry.daemon;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gantry.base.Failure;
import dev.gantry.json.Json;
import dev.gantry.server.ServerSettings;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class FlagsTest {
  @TempDir Path folder;

  private Flags with(String file, String... flags) throws IOException {
    Path config = folder.resolve("daemon.json");
    Files.writeString(config, file);
    String[] all = new String[flags.length + 2];
    all[0] = "--config-file";
    all[1] = config.toString();
    System.arraycopy(flags, 0, all, 2, flags.length);
    return Flags.parse(all);
  }

  private static String refused(org.junit.jupiter.api.function.Executable action) {
    return assertThrows(Failure.class, action).text();
  }

  @Test
  void readsFlagsInAllForms() throws IOException {
    Flags flags = with("{}", "-H", "unix:///a", "--host=tcp://127.0.0.1:1", "--init", "-D=false");
    assertEquals(List.of("unix:///a", "tcp://127.0.0.1:1"), flags.list("host"));
    assertTrue(flags.flag("init"));
    assertEquals(false, flags.flag("debug"));
  }

  @Test
  void readsDaemonJson() throws IOException {
    ServerSettings settings =
        ServerFlags.read(
            with(
                """
                {"labels": ["a=b"], "debug": true, "init": true, "default-shm-size": "1g",
                 "log-driver": "local", "log-opts": {"max-size": "5m", "max-file": "2"},
                 "default-ulimits": {"nofile": {"Name": "nofile", "Hard": 20, "Soft": 10}}}
                """),
            "1",
            folder);
    assertEquals(List.of("a=b"), settings.labels());
    assertTrue(settings.debug());
    assertEquals(1L << 30, settings.containers().shmSize());
    assertEquals(
        "{\"max-size\":\"5m\",\"max-file\":\"2\"}", settings.containers().logOptions().text());
    assertEquals(
        "[{\"Name\":\"nofile\",\"Hard\":20,\"Soft\":10}]", settings.containers().ulimits().text());
  }

  @Test
  void refusesWhatIsSetTwiceOrUnknown() {
    assertTrue(
        refused(() -> with("{\"debug\": true}", "--debug"))
            .contains("specified both as a flag and in"));
    assertTrue(refused(() -> with("{\"nosuch\": 1}")).contains("nosuch"));
    assertTrue(refused(() -> with("{}", "--nosuch")).startsWith("unknown flag: --nosuch"));
    assertTrue(refused(() -> with("not json")).contains("daemon.json"));
    assertTrue(refused(() -> with("{}", "--mtu")).contains("needs an argument"));
  }

  @Test
  void saysWhyAKnownFlagIsRefused() {
    assertEquals(
        "this engine does not honour --rootless: the engine needs root",
        refused(() -> with("{}", "--rootless")));
    assertTrue(refused(() -> with("{\"runtimes\": {}}")).contains("built-in runtime"));
    assertEquals(
        "this engine does not honour --storage-driver zfs: it knows overlay2",
        refused(() -> ServerFlags.read(with("{}", "--storage-driver", "zfs"), "1", folder)));
  }

  @Test
  void completesWhatACreateRequestLeavesOpen() throws IOException {
    ServerSettings settings =
        ServerFlags.read(
            with(
                "{}",
                "--init",
                "--default-ulimit=nofile=5:6",
                "--no-new-privileges",
                "--log-opt=max-size=1m"),
            "1",
            folder);
    Json.JsonObject full =
        settings
            .containers()
            .complete(Json.parseObject("{\"Image\":\"i\",\"HostConfig\":{\"Init\":false}}"));
    assertEquals(
        "{\"Image\":\"i\",\"HostConfig\":{\"Init\":false,"
            + "\"Ulimits\":[{\"Name\":\"nofile\",\"Hard\":6,\"Soft\":5}],"
            + "\"SecurityOpt\":[\"no-new-privileges\"],"
            + "\"LogConfig\":{\"Type\":\"json-file\",\"Config\":{\"max-size\":\"1m\"}}}}",
        full.text());
  }
}
