package dev.gantry.conformance;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gantry.json.Json;
import dev.gantry.testkit.Answer;
import dev.gantry.testkit.Engine;
import dev.gantry.testkit.EngineExtension;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// The same requests at each version of the API that Docker's clients ask with, from 1.24 to the
/// newest: what comes and goes with a version is there exactly from the first to the last of its
/// versions.
@ExtendWith(EngineExtension.class)
class VersionShapesIT {
  private static final int OLDEST = 24;
  private static final int NEWEST = 56;

  @BeforeAll
  static void prepare(Engine engine) {
    engine.busybox();
    engine.request("POST", "/networks/create", "{\"Name\":\"shapes\"}").expect(201);
    String body =
        "{\"Image\":\"busybox\",\"Cmd\":[\"sleep\",\"1000\"],\"StopSignal\":\"KILL\","
            + "\"MacAddress\":\"02:00:00:00:00:07\","
            + "\"HostConfig\":{\"NetworkMode\":\"shapes\",\"Annotations\":{\"a\":\"b\"}}}";
    engine.request("POST", "/v1.43/containers/create?name=shaped", body).expect(201);
    engine.request("POST", "/containers/shaped/start", "").expect(204);
  }

  @AfterAll
  static void clean(Engine engine) {
    for (String id : engine.containers()) {
      engine.request("DELETE", "/containers/" + id + "?force=1&v=1", "").expect(204);
    }
    engine.request("DELETE", "/networks/shapes", "").expect(204);
  }

  private static String at(int minor, String path) {
    return "/v1." + minor + path;
  }

  /// Path, field in the answer (of a list: in its first), first and last minor version with it.
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "/info|ID|24|56",
        "/info|BridgeNfIptables|24|49",
        "/info|BridgeNfIp6tables|24|49",
        "/info|FirewallBackend|49|56",
        "/info|RuncCommit.Expected|24|47",
        "/info|RegistryConfig.AllowNondistributableArtifactsCIDRs|24|46",
        "/info|RegistryConfig.AllowNondistributableArtifactsHostnames|24|46",
        "/containers/shaped/json|NetworkSettings.Networks.shapes|24|56",
        "/containers/shaped/json|Config.MacAddress|24|51",
        "/containers/shaped/json|Config.OnBuild|24|51",
        "/containers/shaped/json|NetworkSettings.Bridge|24|51",
        "/containers/shaped/json|NetworkSettings.EndpointID|24|51",
        "/containers/shaped/json|NetworkSettings.Gateway|24|51",
        "/containers/shaped/json|NetworkSettings.GlobalIPv6Address|24|51",
        "/containers/shaped/json|NetworkSettings.GlobalIPv6PrefixLen|24|51",
        "/containers/shaped/json|NetworkSettings.HairpinMode|24|51",
        "/containers/shaped/json|NetworkSettings.IPAddress|24|51",
        "/containers/shaped/json|NetworkSettings.IPPrefixLen|24|51",
        "/containers/shaped/json|NetworkSettings.IPv6Gateway|24|51",
        "/containers/shaped/json|NetworkSettings.LinkLocalIPv6Address|24|51",
        "/containers/shaped/json|NetworkSettings.LinkLocalIPv6PrefixLen|24|51",
        "/containers/shaped/json|NetworkSettings.MacAddress|24|51",
        "/containers/shaped/json|NetworkSettings.SecondaryIPAddresses|24|51",
        "/containers/shaped/json|NetworkSettings.SecondaryIPv6Addresses|24|51",
        "/containers/json|HostConfig.Annotations|46|56",
        "/containers/json|Health.Status|52|56",
        "/images/json|RepoTags|24|56",
        "/images/json|VirtualSize|24|43",
        "/images/busybox/json|VirtualSize|24|43",
        "/images/busybox/json|ContainerConfig|24|44",
        "/images/busybox/json|Config.Hostname|24|49",
        "/images/busybox/json|Config.AttachStdin|24|49",
        "/images/busybox/json|Config.Tty|24|49",
        "/images/busybox/json|Parent|24|51",
        "/images/busybox/json|DockerVersion|24|51",
        "/networks?filters=%7B%22name%22%3A%5B%22shapes%22%5D%7D|Containers|24|51",
        "/networks/shapes|Containers|24|56",
        "/networks/shapes|Status|52|56",
        "/system/df|LayersSize|24|52",
        "/system/df|Images|24|52",
        "/system/df|Containers|24|52",
        "/system/df|Volumes|24|52",
        "/system/df|BuildCache|24|52",
        "/system/df|ImageUsage|52|56",
        "/system/df|ContainerUsage|52|56",
        "/system/df|VolumeUsage|52|56",
        "/system/df|BuildCacheUsage|52|56",
      })
  void fieldsComeAndGo(String path, String field, int first, int last, Engine engine) {
    List<Integer> with = new ArrayList<>();
    for (int minor = OLDEST; minor <= NEWEST; minor++) {
      if (value(engine, minor, path, field) != null) {
        with.add(minor);
      }
    }
    assertEquals(IntStream.rangeClosed(first, last).boxed().toList(), with, path + " " + field);
  }

  private static @Nullable Json value(Engine engine, int minor, String path, String field) {
    Json answer = engine.json(at(minor, path));
    Json first = answer instanceof Json.JsonArray a ? a.items().getFirst() : answer;
    return ((Json.JsonObject) first).at(field.split("\\."));
  }

  @Test
  void eventsHadAnIdOfTheirOwn(Engine engine) {
    Json.JsonObject shaped = (Json.JsonObject) engine.json("/containers/shaped/json");
    String path = "/events?since=1&until=1.5";
    assertEquals("", engine.get(path).expect(200).text());
    String all =
        "/events?since=1&until="
            + (System.currentTimeMillis() / 1000 + 1)
            + "&filters=%7B%22event%22%3A%5B%22start%22%5D%7D";
    for (int minor : new int[] {24, 41, 44, 51, 52, 56}) {
      String line = engine.get(at(minor, all)).expect(200).text().lines().toList().getFirst();
      Json.JsonObject event = Json.parseObject(line);
      boolean old = minor < 52;
      assertEquals(old ? shaped.string("Id", "") : "", event.string("id", ""), line);
      assertEquals(old ? "start" : "", event.string("status", ""), line);
      assertEquals(old ? "busybox" : "", event.string("from", ""), line);
      assertEquals("start", event.string("Action", ""), line);
    }
  }

  @Test
  void theShortIdWasAnAlias(Engine engine) {
    String id = ((Json.JsonObject) engine.json("/containers/shaped/json")).string("Id", "");
    for (int minor = OLDEST; minor <= NEWEST; minor++) {
      Json aliases =
          value(
              engine, minor, "/containers/shaped/json", "NetworkSettings.Networks.shapes.Aliases");
      boolean there = aliases instanceof Json.JsonArray a && a.text().contains(id.substring(0, 12));
      assertEquals(minor < 45, there, minor + ": " + aliases);
    }
  }

  @Test
  void statsNameTheSystem(Engine engine) {
    for (int minor : new int[] {41, 44, 51, 52, 56}) {
      Json os = value(engine, minor, "/containers/shaped/stats?stream=0&one-shot=1", "os_type");
      assertEquals(minor < 52 ? "null" : "\"linux\"", os == null ? "null" : os.text());
    }
  }

  @Test
  void multiplexedStreamsGotAMediaType(Engine engine) {
    for (int minor : new int[] {24, 41, 42, 44, 56}) {
      Answer logs = engine.get(at(minor, "/containers/shaped/logs?stdout=1")).expect(200);
      String kind = minor < 42 ? "raw-stream" : "multiplexed-stream";
      assertEquals("application/vnd.docker." + kind, logs.headers().get("content-type"));
    }
  }

  @Test
  void namedVolumesWerePruned(Engine engine) {
    for (int minor : new int[] {42, 44, 56, 41}) {
      engine.request("POST", "/volumes/create", "{\"Name\":\"shape\"}").expect(201);
      engine.request("POST", at(minor, "/volumes/prune"), "").expect(200);
      assertEquals(minor < 42 ? 404 : 200, engine.get("/volumes/shape").status());
    }
  }

  @Test
  void whatCameLaterIsRefusedOrMeansNothing(Engine engine) {
    String image =
        "{\"Image\":\"busybox\",\"HostConfig\":{\"Mounts\":"
            + "[{\"Type\":\"image\",\"Source\":\"busybox\",\"Target\":\"/x\"}]}}";
    engine.request("POST", at(47, "/containers/create?name=of-image"), image).expect(400);
    engine.request("POST", at(48, "/containers/create?name=of-image"), image).expect(201);
    String noted =
        "{\"Image\":\"busybox\",\"Cmd\":[\"true\"],\"MacAddress\":\"02:00:00:00:00:09\","
            + "\"HostConfig\":{\"Annotations\":{\"a\":\"b\"},\"ConsoleSize\":[7,9]}}";
    for (int minor : new int[] {24, 41, 42, 43, 44, 51, 52, 56}) {
      String name = "noted-" + minor;
      engine.request("POST", at(minor, "/containers/create?name=" + name), noted).expect(201);
      Json.JsonObject made = (Json.JsonObject) engine.json("/v1.51/containers/" + name + "/json");
      assertEquals(minor >= 43, made.at("HostConfig", "Annotations") != null, name);
      assertEquals(
          minor >= 42 ? "[7,9]" : "[0,0]",
          String.valueOf(made.at("HostConfig", "ConsoleSize")).replace(" ", ""),
          name);
      assertEquals(minor < 52, made.at("Config", "MacAddress") != null, name);
      engine.request("DELETE", "/containers/" + name, "").expect(204);
    }
    engine.request("DELETE", "/containers/of-image", "").expect(204);
  }

  @Test
  void waitsHadNothingToSayBeforeTheEnd(Engine engine) {
    engine
        .request(
            "POST", "/containers/create?name=ended", "{\"Image\":\"busybox\",\"Cmd\":[\"true\"]}")
        .expect(201);
    engine.request("POST", "/containers/ended/start", "").expect(204);
    for (int minor : new int[] {24, 30, 41, 44, 56}) {
      Answer waited = engine.request("POST", at(minor, "/containers/ended/wait"), "").expect(200);
      assertEquals(minor < 30, waited.headers().containsKey("content-length"), "1." + minor);
      assertEquals(0, Json.parseObject(waited.text()).number("StatusCode", -1));
    }
    engine.request("DELETE", "/containers/ended", "").expect(204);
  }

  @Test
  void otherVersionsAreRefused(Engine engine) {
    assertTrue(engine.get(at(OLDEST - 1, "/info")).expect(400).text().contains("too old"));
    assertTrue(engine.get(at(NEWEST + 1, "/info")).expect(400).text().contains("too new"));
    Answer ping = engine.get("/_ping").expect(200);
    assertEquals("1." + NEWEST, ping.headers().get("api-version"));
  }
}
