package dev.gantry.engine.devices;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gantry.base.Failure;
import dev.gantry.json.Json;
import dev.gantry.oci.RuntimeSpec;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CdiDevicesTest {
  @TempDir Path low;
  @TempDir Path high;

  @BeforeEach
  void describe() throws IOException {
    write(
        low,
        "a.json",
        """
        {"cdiVersion": "0.6.0", "kind": "vendor.com/class",
         "containerEdits": {"env": ["COMMON=1", "PATH=/vendor"]},
         "devices": [
          {"name": "one", "containerEdits": {
            "deviceNodes": [{"path": "/dev/made", "hostPath": "/dev/null", "permissions": "rw"},
                            {"path": "/dev/other", "type": "c", "major": 240, "minor": 3}],
            "mounts": [{"hostPath": "/opt/lib", "containerPath": "/lib/vendor", "options": ["ro"]}],
            "hooks": [{"hookName": "createContainer", "path": "/bin/hook", "args": ["hook", "x"]}],
            "additionalGids": [44, 0],
            "env": ["ONE=1"]}},
          {"name": "two", "containerEdits": {"env": ["TWO=2"]}}]}
        """);
  }

  private static void write(Path folder, String name, String text) throws IOException {
    Files.writeString(folder.resolve(name), text);
  }

  private CdiDevices devices() {
    return CdiDevices.in(List.of(low, high, high.resolve("missing")));
  }

  private static RuntimeSpec config() {
    return RuntimeSpec.parse(
        """
        {"process": {"cwd": "/", "args": ["x"], "env": ["PATH=/bin", "A=b"],
                     "user": {"uid": 0, "gid": 0, "additionalGids": [7]}},
         "mounts": [{"destination": "/proc", "type": "proc", "source": "proc"}],
         "linux": {"resources": {"devices": [{"allow": false, "access": "rwm"}]},
                   "devices": [{"path": "/dev/made", "type": "c", "major": 1, "minor": 5}]}}
        """);
  }

  @Test
  void injectsWhatTheDeviceAndItsFileSay() {
    RuntimeSpec with =
        devices().inject(config(), List.of("vendor.com/class=one", "vendor.com/class=two"));
    Json.JsonObject json = Json.parseObject(with.toJson());
    assertEquals(
        List.of("A=b", "COMMON=1", "PATH=/vendor", "ONE=1", "TWO=2"),
        json.object("process").orElseThrow().strings("env"));
    assertEquals("[7,44]", String.valueOf(json.at("process", "user", "additionalGids")));
    List<Json.JsonObject> nodes = json.object("linux").orElseThrow().objects("devices");
    assertEquals(2, nodes.size());
    assertEquals("/dev/made", nodes.get(0).string("path", ""));
    assertEquals(3, nodes.get(0).number("minor", 0), "that of /dev/null");
    assertEquals(240, nodes.get(1).number("major", 0));
    assertEquals(
        List.of("rwm", "rw", "rwm"),
        json
            .object("linux")
            .flatMap(l -> l.object("resources"))
            .orElseThrow()
            .objects("devices")
            .stream()
            .map(rule -> rule.string("access", ""))
            .toList());
    Json.JsonObject mount = json.objects("mounts").get(1);
    assertEquals("/lib/vendor", mount.string("destination", ""));
    assertEquals(List.of("rbind", "ro"), mount.strings("options"));
    assertEquals(
        "/bin/hook",
        json.object("hooks")
            .orElseThrow()
            .objects("createContainer")
            .getFirst()
            .string("path", ""));
  }

  @Test
  void readsYamlAsProgramsWriteIt() throws IOException {
    write(
        high,
        "b.yaml",
        """
        ---
        # made by hand
        cdiVersion: 0.5.0
        containerEdits:
          env:
          - QUOTED='a:b' # a comment
          - "HASH=x # y"
        devices:
        - containerEdits:
            deviceNodes:
            - path: /dev/null
              fileMode: 0o666
            mounts:
              - containerPath: /x
                hostPath: /y
                options: [ro, nosuid]
          name: "0"
        - name: all
          containerEdits: {"env": ["ALL=1"]}
        kind: vendor.com/gpu
        """
            .replace("[ro, nosuid]", "[\"ro\", \"nosuid\"]"));
    assertEquals(
        List.of(
            "vendor.com/class=one",
            "vendor.com/class=two",
            "vendor.com/gpu=0",
            "vendor.com/gpu=all"),
        devices().names());
    Json.JsonObject json =
        Json.parseObject(devices().inject(config(), List.of("vendor.com/gpu=0")).toJson());
    assertEquals(
        List.of("PATH=/bin", "A=b", "QUOTED='a:b'", "HASH=x # y"),
        json.object("process").orElseThrow().strings("env"));
    assertEquals(
        0666, json.object("linux").orElseThrow().objects("devices").get(1).number("fileMode", 0));
  }

  @Test
  void laterFoldersWinAndDoublesBelongToNobody() throws IOException {
    String two =
        "{\"kind\": \"vendor.com/class\", \"devices\": [{\"name\": \"two\","
            + " \"containerEdits\": {\"env\": [\"TWO=high\"]}}]}";
    write(high, "c.json", two);
    String text = devices().inject(config(), List.of("vendor.com/class=two")).toJson();
    assertTrue(text.contains("TWO=high") && !text.contains("TWO=2"), text);
    write(high, "d.json", two);
    Failure.Internal doubled =
        assertThrows(
            Failure.Internal.class,
            () -> devices().inject(config(), List.of("vendor.com/class=two")));
    assertEquals(
        "CDI device injection failed: unresolvable CDI devices vendor.com/class=two"
            + " (vendor.com/class=two is in two files of "
            + high
            + ")",
        doubled.text());
  }

  @Test
  void saysWhatIsWrong() throws IOException {
    write(high, "bad.json", "{\"kind\": \"nothing\"}");
    write(high, "bad.yaml", "kind: a/b\ndevices: &anchor\n");
    write(
        high,
        "gone.json",
        "{\"kind\": \"v/gone\", \"devices\": [{\"name\": \"x\", \"containerEdits\":"
            + " {\"deviceNodes\": [{\"path\": \"/dev/no-such-node\"}]}}]}");
    Failure.Internal unknown =
        assertThrows(
            Failure.Internal.class, () -> devices().inject(config(), List.of("vendor.com/x=y")));
    assertTrue(
        unknown.text().contains("unresolvable CDI devices vendor.com/x=y")
            && unknown.text().contains("invalid kind \"nothing\"")
            && unknown.text().contains("bad.yaml: line 2: not understood: &anchor"),
        unknown.text());
    Failure.Internal gone =
        assertThrows(Failure.Internal.class, () -> devices().inject(config(), List.of("v/gone=x")));
    assertTrue(gone.text().contains("no device node /dev/no-such-node"), gone.text());
  }
}
